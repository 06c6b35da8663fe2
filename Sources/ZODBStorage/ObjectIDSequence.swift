//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ZODBFormat

/// Hands out identifiers for new objects, each once, above every identifier that is in use.
struct ObjectIDSequence: Sendable {
    private var last: ObjectID

    /// A sequence that goes on behind `last`.
    init(after last: ObjectID) {
        self.last = last
    }

    /// The next `count` identifiers.
    mutating func next(_ count: Int) throws -> [ObjectID] {
        guard count >= 0, UInt64(count) <= .max - self.last.rawValue else {
            throw StorageError(.invalidArgument, "\(count) new object identifiers cannot be reserved")
        }
        let first = self.last.rawValue
        self.last = ObjectID(rawValue: first + UInt64(count))
        return (0..<UInt64(count)).map { ObjectID(rawValue: first + 1 + $0) }
    }

    /// Never hands out `oid` any more, nor any identifier below it.
    mutating func reserve(_ oid: ObjectID) {
        self.last = max(self.last, oid)
    }
}
