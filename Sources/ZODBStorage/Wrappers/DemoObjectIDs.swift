//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ZODBFormat

/// Hands out identifiers for new objects that collide with none of two storages: one after the other from a random
/// start, with a new start wherever one is taken, as Python's DemoStorage does it.
struct DemoObjectIDs: Sendable {
    private let start: @Sendable () -> UInt64
    private var following: UInt64
    /// Handed out, and not stored yet.
    private var issued: Set<ObjectID> = []

    /// A sequence whose starts `start` chooses, from 1 to 2⁶².
    init(_ start: @escaping @Sendable () -> UInt64) {
        self.start = start
        self.following = start()
    }

    /// The next identifier of which `isTaken` is not true.
    mutating func next(_ isTaken: (ObjectID) throws -> Bool) rethrows -> ObjectID {
        while true {
            let oid = ObjectID(rawValue: self.following)
            if try !self.issued.contains(oid) && !isTaken(oid) {
                self.following += 1
                self.issued.insert(oid)
                return oid
            }
            self.following = self.start()
        }
    }

    /// An object is in a storage now, and need not be remembered.
    mutating func stored(_ oid: ObjectID) {
        self.issued.remove(oid)
    }
}
