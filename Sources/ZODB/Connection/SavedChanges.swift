//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import ZODBFormat
import ZODBStorage

/// The changes that savepoints of a transaction have written down, so that their objects need not stay in memory.
struct SavedChanges {
    /// An object as the last savepoint found it.
    struct Entry {
        /// Tells two entries of one object apart.
        let number: UInt64
        let data: ByteBuffer
        /// The committed revision that was changed; `.zero` for an object that is new.
        let serial: TransactionID
        let blob: UncommittedBlob?

        var isNew: Bool { self.serial == .zero }
    }

    private(set) var entries: [ObjectID: Entry] = [:]
    private var lastNumber: UInt64 = 0

    var isEmpty: Bool { self.entries.isEmpty }

    subscript(oid: ObjectID) -> Entry? { self.entries[oid] }

    mutating func add(_ oid: ObjectID, data: ByteBuffer, serial: TransactionID, blob: UncommittedBlob?) {
        self.lastNumber += 1
        self.entries[oid] = Entry(number: self.lastNumber, data: data, serial: serial, blob: blob)
    }

    /// Returns to what was saved earlier. Numbers are not used again.
    mutating func restore(_ earlier: SavedChanges) {
        self.entries = earlier.entries
    }

    /// The objects that were saved later than in `earlier`, or again.
    func saved(after earlier: SavedChanges) -> [(oid: ObjectID, entry: Entry)] {
        self.entries.filter { $0.value.number != earlier[$0.key]?.number }.map { ($0.key, $0.value) }
    }
}

/// A point within a transaction to which it can return. See `Connection.savepoint()`.
public struct Savepoint {
    let number: UInt64
    let saved: SavedChanges
    let mustBeCurrent: [ObjectID: TransactionID]
}
