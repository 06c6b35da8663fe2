//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ZEOProtocol
import ZODBStorage

/// How a server is doing, for people.
struct ServerReport: Sendable {
    /// A storage.
    struct Storage: Sendable {
        var name: String
        /// What the storage calls itself, by custom the path of its file.
        var title: String
        var isReadOnly: Bool
        var size: StorageStatistics
        var status: StorageStatus
    }

    /// Where the server listens.
    var addresses: [String]
    /// When it began to.
    var started: WallTime
    /// When this was found out.
    var now: WallTime
    var isReadOnly: Bool
    var storages: [Storage]
    /// The clients, in the order in which they came.
    var connections: [ConnectionReport]
}

extension ServerContext {
    /// Asks every storage and every connection.
    func report(listeningAt addresses: [String], since started: WallTime) async -> ServerReport {
        let storages = self.storages.map { served in
            ServerReport.Storage(
                name: served.name,
                title: served.storage.traits.name,
                isReadOnly: self.configuration.isReadOnly || served.storage.traits.isReadOnly,
                size: served.currentStatistics,
                status: StorageStatus(
                    served,
                    lastTransaction: served.log.last,
                    hasTimeout: self.configuration.transactionTimeout != nil
                )
            )
        }
        return ServerReport(
            addresses: addresses,
            started: started,
            now: .now,
            isReadOnly: self.configuration.isReadOnly,
            storages: storages,
            connections: await self.connectionReports()
        )
    }
}
