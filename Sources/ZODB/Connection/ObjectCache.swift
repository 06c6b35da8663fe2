//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ZODBFormat

/// The objects that a connection has loaded, one for each identifier.
struct ObjectCache {
    /// How many objects stay loaded though the program does not hold them.
    let limit: Int
    /// How many bytes their records may have together; 0 for any number.
    let byteLimit: Int
    /// Tells operators what is loaded.
    let report = CacheReport()

    private var objects: [ObjectID: PersistentObject] = [:]
    private var byteCount = 0
    private var clock: UInt64 = 0

    init(limit: Int, byteLimit: Int = 0) {
        self.limit = limit
        self.byteLimit = byteLimit
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
        if let previous = self.objects.updateValue(object, forKey: oid) { self.note(previous, -1) }
        self.note(object, 1)
    }

    mutating func remove(_ oid: ObjectID) {
        if let object = self.objects.removeValue(forKey: oid) { self.note(object, -1) }
    }

    /// The record of a loaded object has so many bytes now.
    mutating func resize(_ object: PersistentObject, to size: Int) {
        let difference = size - object.recordSize
        object.recordSize = size
        self.byteCount += difference
        self.report.update { $0.byteCount += difference }
    }

    /// Forgets every object; returns those that were loaded.
    mutating func removeAll() -> [PersistentObject] {
        defer {
            self.objects = [:]
            self.byteCount = 0
            self.report.update { statistics in
                (statistics.objectCount, statistics.byteCount, statistics.objectCounts) = (0, 0, [:])
            }
        }
        return Array(self.objects.values)
    }

    private mutating func note(_ object: PersistentObject, _ count: Int) {
        let (name, size) = (object.className, object.recordSize)
        self.byteCount += size * count
        self.report.update { statistics in
            statistics.objectCount += count
            statistics.byteCount += size * count
            guard let name else { return }
            let remaining = statistics.objectCounts[name, default: 0] + count
            statistics.objectCounts[name] = remaining == 0 ? nil : remaining
        }
    }

    /// Of the objects whose revision is older than in `written` (of all, when that is `nil`), forgets those that nobody
    /// else holds, and returns the others: they must be brought up to date.
    mutating func outdated(by written: [ObjectID: TransactionID]?) -> [(oid: ObjectID, object: PersistentObject)] {
        var held: [(oid: ObjectID, object: PersistentObject)] = []
        for oid in written.map({ Array($0.keys) }) ?? Array(self.objects.keys) {
            guard let index = self.objects.index(forKey: oid) else { continue }
            if let tid = written?[oid], self.objects.values[index].serial >= tid { continue }
            if isKnownUniquelyReferenced(&self.objects.values[index]) {
                self.remove(oid)
            } else {
                held.append((oid, self.objects.values[index]))
            }
        }
        return held
    }

    /// Forgets objects that nobody holds and that were not asked for recently, when there are more than the limits allow.
    mutating func shrink() {
        guard self.isTooLarge else { return }
        for oid in self.unused {
            guard self.isTooLarge else { return }
            self.remove(oid)
        }
    }

    /// Forgets every object that nobody holds.
    mutating func minimize() {
        for oid in self.unused { self.remove(oid) }
    }

    /// The objects that nobody holds, those that were asked for longest ago first.
    private var unused: [ObjectID] {
        mutating get {
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
            return unused.map(\.oid)
        }
    }

    private var isTooLarge: Bool {
        self.objects.count > self.limit || self.byteLimit > 0 && self.byteCount > self.byteLimit
    }
}
