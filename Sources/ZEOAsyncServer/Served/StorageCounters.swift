//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// What has been done to a storage since the server started.
final class StorageCounters: Sendable {
    let loads: EventCounter
    let stores: EventCounter
    let commits: EventCounter
    let aborts: EventCounter
    let conflicts: EventCounter
    /// Conflicts over one object that were merged here.
    let mergedConflicts: EventCounter
    /// Messages that told a client what has changed.
    let invalidations: EventCounter
    let activeTransactions: EventCounter
    /// Votes that have begun and not ended.
    let voting: EventCounter

    /// When the server started, as Python's `time.ctime()` writes it.
    let start = WallTime.now.ctime

    /// Counters that count for metrics, too, if there are any.
    init(_ metrics: ZEOStorageMetrics? = nil) {
        self.loads = EventCounter(metrics?.loads)
        self.stores = EventCounter(metrics?.stores)
        self.commits = EventCounter(metrics?.commits)
        self.aborts = EventCounter(metrics?.aborts)
        self.conflicts = EventCounter(metrics?.conflicts)
        self.mergedConflicts = EventCounter(metrics?.conflictsResolved)
        self.invalidations = EventCounter(metrics?.invalidations)
        self.activeTransactions = EventCounter(level: metrics?.activeTransactions)
        self.voting = EventCounter(level: metrics?.votesWaiting)
    }
}
