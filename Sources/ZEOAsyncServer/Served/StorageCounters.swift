//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// What has been done to a storage since the server started.
final class StorageCounters: Sendable {
    let loads = Atomic(0)
    let stores = Atomic(0)
    let commits = Atomic(0)
    let aborts = Atomic(0)
    let conflicts = Atomic(0)
    /// Conflicts over one object that were merged here.
    let mergedConflicts = Atomic(0)
    let activeTransactions = Atomic(0)
    /// Votes that have begun and not ended.
    let voting = Atomic(0)

    /// When the server started, as Python's `time.ctime()` writes it.
    let start = WallTime.now.ctime
}

extension Atomic where Value == Int {
    func increment() { self.wrappingAdd(1, ordering: .relaxed) }

    func decrement() { self.wrappingSubtract(1, ordering: .relaxed) }

    var value: Int { self.load(ordering: .relaxed) }
}
