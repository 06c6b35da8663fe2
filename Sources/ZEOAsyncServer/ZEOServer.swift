//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import Logging
public import NIOCore
import NIOPosix
public import ServiceLifecycle
public import ZODBStorage

/// A ZEO storage server: serves storages to the clients of Python's ZEO 5 and 6 and of this package.
///
/// The server does what `run()` says and nothing outside of it. Storages stay open when it ends; whoever opened them
/// closes them.
public actor ZEOServer: Service {
    private enum State {
        /// Nobody has called `run()`. Next: `starting`.
        case idle
        /// Opens the storages and the socket. Next: `listening`, `ended`.
        case starting
        /// Serves. Next: `ended`.
        case listening([SocketAddress])
        /// Has run.
        case ended
    }

    private let configuration: ZEOServerConfiguration
    private let storages: [(name: String, storage: any Storage)]
    private let logger: Logger
    private let connectionLogger: Logger
    private var state = State.idle
    private var waiters: [CheckedContinuation<[SocketAddress], any Error>] = []
    /// What serves, while the server listens, and since when.
    private var serving: (context: ServerContext, since: WallTime)?

    /// Ends when the server shall end.
    private let running: AsyncStream<Never>
    private let stopRunning: AsyncStream<Never>.Continuation

    /// A server of `storages`, each under the name by which clients choose it; by custom `1`. Lines for operators go to
    /// `logger`, worded as those of Python's server; its label should be `ZEO.StorageServer`. What is said about the
    /// socket, and about those who did not become clients, goes to `connectionLogger` (`ZEO.asyncio.server`), where it is
    /// given.
    public init(
        configuration: ZEOServerConfiguration,
        storages: [(name: String, storage: any Storage)],
        logger: Logger,
        connectionLogger: Logger? = nil
    ) {
        self.configuration = configuration
        self.storages = storages
        self.logger = logger
        self.connectionLogger = connectionLogger ?? logger
        (self.running, self.stopRunning) = AsyncStream.makeStream(of: Never.self)
    }

    /// Serves until it is told to stop: by a graceful shutdown of the service group, by `shutDownGracefully()`, or by
    /// cancellation. Then accepts nobody any more, answers the transactions that are being finished, aborts all others,
    /// closes every connection, and returns.
    ///
    /// Throws `ZEOServerError` when it cannot start, and what a storage throws when it cannot be followed.
    public func run() async throws {
        guard case .idle = self.state else {
            throw ZEOServerError(.alreadyRunning, "A server runs once; make a new one.")
        }
        self.state = .starting
        do {
            try self.checkStorages()
            try await self.serveStorages()
            self.end(ZEOServerError(.notRunning, "The server was stopped before it listened."))
        } catch {
            self.end(error)
            throw error
        }
    }

    /// Makes `run()` end in good order. May be called at any time, more than once.
    public nonisolated func shutDownGracefully() {
        self.stopRunning.finish()
    }

    /// Waits until the server listens, and says where: with the port that the system chose, if it was asked to.
    ///
    /// Throws what `run()` throws when it ends without having listened.
    public func waitUntilListening() async throws -> [SocketAddress] {
        switch self.state {
        case .listening(let addresses):
            return addresses
        case .ended:
            throw ZEOServerError(.notRunning, "The server has ended.")
        case .idle, .starting:
            return try await withCheckedThrowingContinuation { self.waiters.append($0) }
        }
    }

    /// How the server is doing; `nil` while it does not listen.
    func report() async -> ServerReport? {
        guard case .listening(let addresses) = self.state, let serving = self.serving else { return nil }
        return await serving.context.report(listeningAt: addresses.map(\.readable), since: serving.since)
    }

    /// Whether clients can connect.
    var isListening: Bool {
        if case .listening = self.state { true } else { false }
    }

    /// Renews the metrics that nobody renews when they change: how much the storages hold.
    public func refreshMetrics() {
        for served in self.serving?.context.storages ?? [] { served.metrics?.holds(served.currentStatistics) }
    }

    /// Reads certificates and key anew, for connections from now on; those that stand stay as they are.
    ///
    /// Throws a `ZEOServerError` of code `cannotUseTLS`, with everything as it was, when `tls` cannot be used, or when the
    /// server was made without TLS; and of code `notRunning` while it does not listen.
    public func renewTLS(_ tls: ZEOServerConfiguration.TLS) throws(ZEOServerError) {
        guard let context = self.serving?.context else {
            throw ZEOServerError(.notRunning, "The server does not listen.")
        }
        guard context.tls != nil else {
            throw ZEOServerError(.cannotUseTLS, "A server that was made without TLS keeps doing without.")
        }
        context.tls = try TLSContext.make(tls)
    }

    private func checkStorages() throws {
        guard !self.storages.isEmpty else { throw ZEOServerError(.noStorage, "There is no storage to serve.") }
        var names: Set<String> = []
        for (name, _) in self.storages where !names.insert(name).inserted {
            throw ZEOServerError(.duplicateStorage, "Two storages are named '\(name)'.")
        }
    }

    private func serveStorages() async throws {
        let tls = try self.configuration.tls.map { tls throws(ZEOServerError) in try TLSContext.make(tls) }
        let metrics = self.configuration.metrics ?? ZEOServerMetrics()
        let served = self.storages.map { name, storage in
            ServedStorage(
                name: name,
                storage: storage,
                invalidationQueueSize: self.configuration.invalidationQueueSize,
                metrics: metrics.isDiscarding ? nil : metrics.storage(named: name)
            )
        }
        let context = ServerContext(
            configuration: self.configuration,
            storages: served,
            logger: self.logger,
            connectionLogger: self.connectionLogger,
            tls: tls
        )
        context.logCreation()
        do {
            for storage in served { try await storage.open() }
            try await self.serve(context)
        } catch {
            for storage in served { await storage.close() }
            throw error
        }
        for storage in served { await storage.close() }
    }

    private func serve(_ context: ServerContext) async throws {
        let count = self.configuration.eventLoopCount ?? System.coreCount
        let group = MultiThreadedEventLoopGroup(numberOfThreads: max(count, 1))
        do {
            let listener = try await Listener.open(context, on: group)
            self.listening(listener.addresses, context)
            await self.waitForTheEnd(of: listener)
            try? await listener.close()
            await context.shutDownConnections()
            await context.tasks.waitForAll()
            context.walks.cancelAll()
            await context.walks.waitForAll()
        } catch {
            try? await group.shutdownGracefully()
            throw error
        }
        try? await group.shutdownGracefully()
    }

    private func waitForTheEnd(of listener: Listener) async {
        listener.whenClosed { self.stopRunning.finish() }
        await withTaskCancellationHandler {
            await withGracefulShutdownHandler {
                for await _ in self.running {}
            } onGracefulShutdown: {
                self.stopRunning.finish()
            }
        } onCancel: {
            self.stopRunning.finish()
        }
    }

    private func listening(_ addresses: [SocketAddress], _ context: ServerContext) {
        self.state = .listening(addresses)
        self.serving = (context, .now)
        for address in addresses { context.logListening(address) }
        for waiter in self.waiters { waiter.resume(returning: addresses) }
        self.waiters = []
    }

    private func end(_ error: any Error) {
        self.state = .ended
        self.serving = nil
        for waiter in self.waiters { waiter.resume(throwing: error) }
        self.waiters = []
    }
}
