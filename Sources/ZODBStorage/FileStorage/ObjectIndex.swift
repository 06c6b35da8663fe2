//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Synchronization
import ZODBFormat

/// The data file and where the newest record of each object is in it.
///
/// Guarded by `contents`: the two together, so that they can be exchanged at once. Readers hold the guard for one
/// look-up and read the file after it; what they read stays valid, since nothing in front of the end ever changes. A
/// large transaction is taken in a piece at a time, so that readers never wait for all of it: readers may meet records
/// of a transaction that is not visible yet, and pass over them.
///
/// `updating` keeps whoever needs all of the index as of one moment away from a half-taken transaction.
final class ObjectIndex: Sendable {
    /// The file, and what the index knows of it.
    struct Contents: Sendable {
        var file: PositionalFile
        var table: ObjectIndexTable
        /// How far into the file the index knows it.
        var end: Int
    }

    /// So many objects are taken in at once.
    private static let piece = 512

    /// `nil` when the storage is closed.
    private let contents: Mutex<Contents?>
    private let updating = Mutex(())

    /// An index of a file that has just been opened.
    init(_ contents: Contents) {
        self.contents = Mutex(contents)
    }

    /// The file, and where the newest record of an object is in it.
    func find(_ oid: ObjectID) throws -> (file: PositionalFile, position: Int?) {
        try self.contents.withLock { contents in
            guard let contents else { throw StorageError.closed }
            return (contents.file, contents.table[oid])
        }
    }

    /// The first object from `oid` on; `nil` when there is none.
    func first(atOrAfter oid: ObjectID) throws -> ObjectID? {
        try self.contents.withLock { contents in
            guard contents != nil else { throw StorageError.closed }
            return contents?.table.first(atOrAfter: oid)
        }
    }

    /// The file, and how far into it the index knows it: behind a whole transaction.
    func extent() throws -> (file: PositionalFile, end: Int) {
        try self.contents.withLock { contents in
            guard let contents else { throw StorageError.closed }
            return (contents.file, contents.end)
        }
    }

    /// Everything, as of the end of a transaction. Cheap, until the index is changed.
    func snapshot() throws -> Contents {
        try self.updating.withLock { _ in
            try self.contents.withLock { contents in
                guard let contents else { throw StorageError.closed }
                return contents
            }
        }
    }

    /// Takes in the objects of a transaction that ends at `end`; returns how much is there now.
    func update(_ objects: [ObjectPosition], end: Int) -> StorageStatistics {
        self.updating.withLock { _ in
            var rest = objects[...]
            while rest.count > Self.piece {
                self.set(rest.prefix(Self.piece))
                rest = rest.dropFirst(Self.piece)
            }
            self.set(rest)
            return self.contents.withLock { contents in
                contents?.end = end
                return StorageStatistics(objectCount: contents?.table.count ?? 0, byteCount: end)
            }
        }
    }

    /// Puts another file and its index in the place of what is there. Who reads goes on with what it has found.
    func replace(_ contents: Contents) {
        self.updating.withLock { _ in
            self.contents.withLock { current in
                if current != nil { current = contents }
            }
        }
    }

    private func set(_ objects: ArraySlice<ObjectPosition>) {
        self.contents.withLock { contents in
            for object in objects { contents?.table.set(object.oid, object.position) }
        }
    }

    /// Lets go of the file.
    func close() {
        self.contents.withLock { $0 = nil }
    }
}
