//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Synchronization
import ZEOProtocol
import ZODBFormat
import ZODBStorage

/// A storage under the name by which clients choose it, with everything that is kept about it.
final class ServedStorage: Sendable {
    let name: String
    let storage: any Storage
    /// The storage, when it answers without suspending.
    let local: (any LocalStorage)?
    let log: InvalidationLog
    let statistics: StorageCounters
    let lock: LockObservation
    let metrics: ZEOStorageMetrics?
    let packs: PackObservation

    /// How much there was when it was last asked. Only for storages that suspend.
    private let lastStatistics = Mutex(StorageStatistics(objectCount: 0, byteCount: 0))

    init(
        name: String,
        storage: any Storage,
        invalidationQueueSize: Int,
        metrics: ZEOStorageMetrics? = nil
    ) {
        self.name = name
        self.storage = storage
        self.local = storage as? any LocalStorage
        self.metrics = metrics
        self.statistics = StorageCounters(metrics)
        self.lock = LockObservation(metrics)
        self.packs = PackObservation(metrics)
        self.log = InvalidationLog(size: invalidationQueueSize)
    }

    /// Begins to follow the storage.
    func open() async throws {
        try await self.log.follow(self.storage)
        try await self.refreshStatistics()
    }

    /// Follows the storage no longer. The storage stays open: whoever opened it closes it.
    func close() async {
        await self.storage.removeObserver(self.log)
    }

    /// How much the storage holds, without waiting: of a storage that suspends, as of the last refresh.
    var currentStatistics: StorageStatistics {
        if let local = self.local, let statistics = try? local.statistics() { return statistics }
        return self.lastStatistics.withLock { $0 }
    }

    /// Asks the storage how much it holds.
    func refreshStatistics() async throws {
        let statistics = try await self.storage.statistics()
        self.lastStatistics.withLock { $0 = statistics }
    }

    /// The answer to `get_info`: the storage's traits, all of which this server serves.
    func information(_ statistics: StorageStatistics) -> ServerInformation {
        let traits = self.storage.traits
        return ServerInformation(
            length: statistics.objectCount,
            size: statistics.byteCount,
            name: traits.name,
            supportsUndo: traits.supportsUndo,
            supportsRecordIternext: traits.iteratesCurrentRecords,
            interfaces: traits.interfaces.map { PickleGlobal("ZODB.interfaces", $0) }
                + [PickleGlobal("zope.interface", "Interface")]
        )
    }
}
