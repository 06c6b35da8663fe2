//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Metrics
public import ZODBStorage

/// The metrics of one storage of a server, made once.
public final class ZEOStorageMetrics: Sendable {
    let loads, stores, commits, aborts, conflicts, conflictsResolved, invalidations: Counter
    let activeTransactions, votesWaiting: Meter
    let lockWait, lockHeld: Timer
    let objects, bytes: Meter
    let packRunning, packProgress: Meter
    let packs: Counter
    private let syncDuration: Timer
    private let syncTransactions: Recorder
    private let writtenBytes: Counter
    private let queueLength: Meter

    init(storage: String, factory: any MetricsFactory) {
        let dimensions = [("storage", storage)]
        func counter(_ label: String) -> Counter { Counter(label: label, dimensions: dimensions, factory: factory) }
        func meter(_ label: String) -> Meter { Meter(label: label, dimensions: dimensions, factory: factory) }
        func timer(_ label: String) -> Timer { Timer(label: label, dimensions: dimensions, factory: factory) }
        self.loads = counter("zeo_loads_total")
        self.stores = counter("zeo_stores_total")
        self.commits = counter("zeo_commits_total")
        self.aborts = counter("zeo_aborts_total")
        self.conflicts = counter("zeo_conflicts_total")
        self.conflictsResolved = counter("zeo_conflicts_resolved_total")
        self.invalidations = counter("zeo_invalidations_total")
        self.activeTransactions = meter("zeo_active_transactions")
        self.votesWaiting = meter("zeo_votes_waiting")
        self.lockWait = timer("zeo_lock_wait_seconds")
        self.lockHeld = timer("zeo_lock_held_seconds")
        self.objects = meter("zeo_objects")
        self.bytes = meter("zeo_storage_bytes")
        self.packRunning = meter("zeo_pack_running")
        self.packProgress = meter("zeo_pack_progress_ratio")
        self.packs = counter("zeo_packs_total")
        self.syncDuration = timer("zeo_sync_duration_seconds")
        self.syncTransactions = Recorder(
            label: "zeo_sync_transactions",
            dimensions: dimensions,
            aggregate: true,
            factory: factory
        )
        self.writtenBytes = counter("zeo_written_bytes_total")
        self.queueLength = meter("zeo_append_queue_length")
    }

    /// How much the storage holds.
    func holds(_ size: StorageStatistics) {
        self.objects.set(size.objectCount)
        self.bytes.set(size.byteCount)
    }
}

extension ZEOStorageMetrics: StorageWriteObserver {
    public func storageDidSynchronize(_ write: StorageWrite) {
        self.syncDuration.recordNanoseconds(Int64(write.synchronization / .nanoseconds(1)))
        self.syncTransactions.record(write.transactionCount)
        self.writtenBytes.increment(by: write.byteCount)
        self.queueLength.set(write.queueLength)
    }
}
