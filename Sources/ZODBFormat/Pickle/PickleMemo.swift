//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// What a pickle remembers by number. Picklers count from 0 or 1 without gaps; other numbers are found more slowly.
struct PickleMemo<Entry: Sendable>: Sendable {
    private var dense: [Entry?] = []
    private var sparse: [Int: Entry] = [:]
    private(set) var count = 0

    subscript(index: Int) -> Entry? {
        if index >= 0, index < self.dense.count, let slot = self.dense[index] { return slot }
        return self.sparse.isEmpty ? nil : self.sparse[index]
    }

    /// Forgets everything, and keeps the memory.
    mutating func removeAll() {
        self.dense.removeAll(keepingCapacity: true)
        self.sparse.removeAll(keepingCapacity: true)
        self.count = 0
    }

    mutating func set(_ index: Int, to slot: Entry) {
        if !self.sparse.isEmpty, self.sparse.removeValue(forKey: index) != nil { self.count -= 1 }
        if index >= 0, index < self.dense.count {
            if self.dense[index] == nil { self.count += 1 }
            self.dense[index] = slot
        } else if index == self.dense.count || index == self.dense.count + 1 {
            if index > self.dense.count { self.dense.append(nil) }
            self.dense.append(slot)
            self.count += 1
        } else {
            self.sparse[index] = slot
            self.count += 1
        }
    }
}
