//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Logging
import Metrics
import NIOCore
import NIOSSL
import Synchronization
import ZODBStorage

/// What all connections of a server share.
final class ServerContext: Sendable {
    let configuration: ZEOServerConfiguration
    let storages: [ServedStorage]
    let logger: Logger
    /// For the socket, and for those who are no clients yet.
    let connectionLogger: Logger
    let metrics: ZEOServerMetrics
    let tasks = TaskTracker()
    /// What may take long and nobody waits for when the server ends: packs, lists, the files of blobs.
    let walks = TaskTracker()

    private struct Connection {
        /// Makes the connection end in good order.
        var shutDown: @Sendable () -> Void
        /// Asks the connection on its event loop what there is to say of it; `nil` while it shakes hands.
        var report: (@Sendable () -> EventLoopFuture<ConnectionReport>)?
    }

    private struct Connections {
        var open: [ObjectIdentifier: Connection] = [:]
        var isShuttingDown = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let connections = Mutex(Connections())

    private let currentTLS: Mutex<NIOSSLContext?>

    /// How new connections speak TLS; `nil` for not at all.
    var tls: NIOSSLContext? {
        get { self.currentTLS.withLock { $0 } }
        set { self.currentTLS.withLock { $0 = newValue } }
    }

    /// Transactions are numbered throughout the process, because two servers may serve one storage.
    private static let lastOrigin = Atomic<UInt64>(0)

    init(
        configuration: ZEOServerConfiguration,
        storages: [ServedStorage],
        logger: Logger,
        connectionLogger: Logger? = nil,
        tls: NIOSSLContext? = nil
    ) {
        self.configuration = configuration
        self.storages = storages
        self.logger = logger
        self.connectionLogger = connectionLogger ?? logger
        self.metrics = configuration.metrics ?? ZEOServerMetrics()
        self.currentTLS = Mutex(tls)
    }

    /// A number that no other transaction of this process has.
    func nextOrigin() -> UInt64 {
        Self.lastOrigin.wrappingAdd(1, ordering: .relaxed).newValue
    }

    func storage(named name: String) -> ServedStorage? {
        self.storages.first { $0.name == name }
    }

    /// Remembers a connection. `false` when it comes too late.
    func opened(_ handler: NIOLoopBound<ConnectionHandler>, on channel: any Channel) -> Bool {
        let since = WallTime.now
        return self.opened(
            Connection(
                shutDown: { handler.execute { $0.shutDown() } },
                report: { handler.eventLoop.submit { handler.value.report(since: since) } }
            ),
            on: channel
        )
    }

    /// Remembers a connection that still shakes hands, and what ends it. `false` when it comes too late.
    func shakesHands(_ channel: any Channel, shutDown: @escaping @Sendable () -> Void) -> Bool {
        self.opened(Connection(shutDown: shutDown, report: nil), on: channel)
    }

    private func opened(_ connection: Connection, on channel: any Channel) -> Bool {
        let (isNew, isInTime) = self.connections.withLock { connections in
            let old = connections.open.updateValue(connection, forKey: ObjectIdentifier(channel))
            return (old == nil, !connections.isShuttingDown)
        }
        if isNew {
            self.metrics.connections.increment()
            self.metrics.connectionsOpened.increment()
        }
        return isInTime
    }

    /// What there is to say of each connection, the oldest first.
    func connectionReports() async -> [ConnectionReport] {
        let futures = self.connections.withLock { Array($0.open.values) }.compactMap { $0.report?() }
        var reports: [ConnectionReport] = []
        for future in futures {
            if let report = try? await future.get() { reports.append(report) }
        }
        return reports.sorted { ($0.since.seconds, $0.label) < ($1.since.seconds, $1.label) }
    }

    func closed(_ channel: any Channel) {
        let waiters = self.connections.withLock { connections -> [CheckedContinuation<Void, Never>] in
            if connections.open.removeValue(forKey: ObjectIdentifier(channel)) != nil {
                self.metrics.connections.decrement()
            }
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
        for connection in all { connection.shutDown() }
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
        self.connectionLogger.info("listening on \(text)")
    }
}
