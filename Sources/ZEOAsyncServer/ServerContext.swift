//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import Synchronization
import ZODBStorage

/// What all connections of a server share.
final class ServerContext: Sendable {
    let configuration: ZEOServerConfiguration
    let storages: [ServedStorage]
    let logger: Logger
    let tasks = TaskTracker()
    /// What may take long and nobody waits for when the server ends: packs, lists, the files of blobs.
    let walks = TaskTracker()

    private struct Connections {
        var open: [ObjectIdentifier: @Sendable () -> Void] = [:]
        var isShuttingDown = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let connections = Mutex(Connections())

    /// Transactions are numbered throughout the process, because two servers may serve one storage.
    private static let lastOrigin = Atomic<UInt64>(0)

    init(configuration: ZEOServerConfiguration, storages: [ServedStorage], logger: Logger) {
        self.configuration = configuration
        self.storages = storages
        self.logger = logger
    }

    /// A number that no other transaction of this process has.
    func nextOrigin() -> UInt64 {
        Self.lastOrigin.wrappingAdd(1, ordering: .relaxed).newValue
    }

    func storage(named name: String) -> ServedStorage? {
        self.storages.first { $0.name == name }
    }

    /// Remembers a connection, and what makes it end in good order. `false` when it comes too late.
    func opened(_ channel: any Channel, shutDown: @escaping @Sendable () -> Void) -> Bool {
        self.connections.withLock { connections in
            connections.open[ObjectIdentifier(channel)] = shutDown
            return !connections.isShuttingDown
        }
    }

    func closed(_ channel: any Channel) {
        let waiters = self.connections.withLock { connections -> [CheckedContinuation<Void, Never>] in
            connections.open[ObjectIdentifier(channel)] = nil
            guard connections.open.isEmpty else { return [] }
            defer { connections.waiters = [] }
            return connections.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Has every connection end once what it finishes is finished, and waits for the last one.
    func shutDownConnections() async {
        let all = self.connections.withLock { connections in
            connections.isShuttingDown = true
            return Array(connections.open.values)
        }
        for shutDown in all { shutDown() }
        await withCheckedContinuation { continuation in
            let isEmpty = self.connections.withLock { connections in
                if !connections.open.isEmpty { connections.waiters.append(continuation) }
                return connections.open.isEmpty
            }
            if isEmpty { continuation.resume() }
        }
    }

    /// How all storages are doing, as JSON.
    func healthReport() -> String {
        StorageStatus.json(
            self.storages.map { served in
                (
                    served.name,
                    StorageStatus(
                        served,
                        lastTransaction: served.log.last,
                        hasTimeout: self.configuration.transactionTimeout != nil
                    )
                )
            }
        )
    }

    // MARK: Lines for operators

    func logCreation() {
        let list = self.storages.map { served in
            "\(served.name):\(served.storage.traits.isReadOnly ? "RO" : "RW"):\(served.storage.traits.name)"
        }
        let mode = self.configuration.isReadOnly ? "RO" : "RW"
        self.logger.info("StorageServer created \(mode) with storages: \(list.joined(separator: ", "))")
    }

    func logListening(_ address: SocketAddress) {
        let text =
            switch address {
            case .v4, .v6: "('\(address.ipAddress ?? "")', \(address.port ?? 0))"
            case .unixDomainSocket: address.pathname ?? ""
            }
        self.logger.info("listening on \(text)")
    }
}
