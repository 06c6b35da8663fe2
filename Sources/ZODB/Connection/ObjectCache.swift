//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ZODBFormat

/// The objects that a connection has loaded, one for each identifier.
struct ObjectCache {
    /// How many objects stay loaded though the program does not hold them.
    let limit: Int

    private var objects: [ObjectID: PersistentObject] = [:]
    private var clock: UInt64 = 0

    init(limit: Int) {
        self.limit = limit
    }

    var count: Int { self.objects.count }

    /// The loaded object, noting that it was asked for.
    mutating func object(_ oid: ObjectID) -> PersistentObject? {
        guard let object = self.objects[oid] else { return nil }
        self.clock += 1
        object.lastUse = self.clock
        return object
    }

    mutating func insert(_ object: PersistentObject, _ oid: ObjectID) {
        self.clock += 1
        object.lastUse = self.clock
        self.objects[oid] = object
    }

    mutating func remove(_ oid: ObjectID) {
        self.objects[oid] = nil
    }

    /// Forgets every object; returns those that were loaded.
    mutating func removeAll() -> [PersistentObject] {
        defer { self.objects = [:] }
        return Array(self.objects.values)
    }

    /// Of the objects whose revision is older than in `written` (of all, when that is `nil`), forgets those that nobody
    /// else holds, and returns the others: they must be brought up to date.
    mutating func outdated(by written: [ObjectID: TransactionID]?) -> [(oid: ObjectID, object: PersistentObject)] {
        var held: [(oid: ObjectID, object: PersistentObject)] = []
        for oid in written.map({ Array($0.keys) }) ?? Array(self.objects.keys) {
            guard let index = self.objects.index(forKey: oid) else { continue }
            if let tid = written?[oid], self.objects.values[index].serial >= tid { continue }
            if isKnownUniquelyReferenced(&self.objects.values[index]) {
                self.objects[oid] = nil
            } else {
                held.append((oid, self.objects.values[index]))
            }
        }
        return held
    }

    /// Forgets objects that nobody holds and that were not asked for recently, when there are more than the limit.
    mutating func shrink() {
        guard self.objects.count > self.limit else { return }
        var unused: [(lastUse: UInt64, oid: ObjectID)] = []
        // Not `indices`: it would keep a copy of the dictionary, and with it every object.
        var index = self.objects.startIndex
        while index != self.objects.endIndex {
            if isKnownUniquelyReferenced(&self.objects.values[index]) {
                unused.append((self.objects.values[index].lastUse, self.objects.keys[index]))
            }
            self.objects.formIndex(after: &index)
        }
        unused.sort { $0.lastUse < $1.lastUse }
        for entry in unused.prefix(self.objects.count - self.limit) { self.objects[entry.oid] = nil }
    }
}
