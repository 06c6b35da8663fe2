//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Logging
public import NIOCore
public import NIOPosix
public import ServiceLifecycle
import Synchronization
import ZEOProtocol
public import ZODBFormat
public import ZODBStorage

/// A storage on a ZEO server, Python's or ours, at fixed addresses or at those that ZooKeeper knows.
///
/// One connection at a time does the work. When it drops, calls that are under way throw `StorageError.disconnected`;
/// new ones wait for the next connection, up to `ClientOptions.waitTimeout`. What the client knew stays valid as far as
/// the server can tell what has changed in between; otherwise it is forgotten, and observers hear
/// `storageDidLoseTrack(now:)`.
///
/// Either somebody runs it (`run()`, for a `ServiceGroup`), or `open` does: then `close()` ends what was started.
public final class ClientStorage: Storage, Service {
    /// How the client behaves.
    public let options: ClientOptions

    let view: ClientView
    let metrics: ClientCacheMetrics
    /// Where the files of blobs are; `nil` where there are none.
    let blobs: ClientBlobs?
    let gate: ConnectionGate
    /// Servers take one transaction at a time from each client.
    let commits = Turnstile()
    let votes = Mutex(Votes())

    private let source: AddressSource
    private let manager: ConnectionManager
    private let lifecycle = Mutex(Lifecycle.new)
    private let ready = OneShot<Result<Void, any Error>>()
    private let stopRequested = CallSlot<Void>()

    private enum Lifecycle {
        case new
        /// Somebody else runs it.
        case running
        /// The task that `open` started runs it.
        case owned(Task<Void, any Error>)
        case closed
    }

    /// A client of servers at fixed addresses, any of which will do. Does nothing until it is run.
    public convenience init(
        addresses: [ServiceAddress],
        options: ClientOptions = ClientOptions(),
        eventLoopGroup: any EventLoopGroup = .singletonMultiThreadedEventLoopGroup
    ) {
        self.init(servers: addresses.map { .internet($0) }, options: options, eventLoopGroup: eventLoopGroup)
    }

    /// A client of servers at fixed addresses or unix sockets, any of which will do. Does nothing until it is run.
    public convenience init(
        servers: [ServerAddress],
        options: ClientOptions = ClientOptions(),
        eventLoopGroup: any EventLoopGroup = .singletonMultiThreadedEventLoopGroup
    ) {
        self.init(source: .fixed(servers), options: options, eventLoopGroup: eventLoopGroup)
    }

    /// A client of the servers that are registered at a path of ZooKeeper. Does nothing until it is run; see also
    /// `ZKZEO.client`.
    ///
    /// - Parameters:
    ///   - zooKeeper: Where ZooKeeper is: `HOST:PORT[,HOST:PORT…][/CHROOT]`.
    ///   - path: Where the servers are registered.
    ///   - options: How the client behaves.
    ///   - eventLoopGroup: What runs the connections.
    public convenience init(
        zooKeeper: String,
        path: String,
        options: ClientOptions = ClientOptions(),
        eventLoopGroup: any EventLoopGroup = .singletonMultiThreadedEventLoopGroup
    ) {
        let source = ZooKeeperAddresses(connectionString: zooKeeper, path: path, options: options)
        self.init(source: .zooKeeper(source), options: options, eventLoopGroup: eventLoopGroup)
    }

    init(source: AddressSource, options: ClientOptions, eventLoopGroup: any EventLoopGroup) {
        // One loop for all connections: what the server says is followed in order even when one replaces another.
        let eventLoop = eventLoopGroup.next()
        self.options = options
        self.source = source
        self.blobs = ClientBlobs(options)
        self.metrics = ClientCacheMetrics(storage: options.storage)
        self.view = ClientView(cacheSize: options.cacheSize)
        self.gate = ConnectionGate(eventLoop)
        self.manager = ConnectionManager(options, self.view, self.gate, eventLoop)
    }

    /// Opens a client of servers at fixed addresses, any of which will do.
    ///
    /// Waits for a connection unless `options.wait` is false. Close it when it is done with.
    public static func open(
        addresses: [ServiceAddress],
        options: ClientOptions = ClientOptions(),
        eventLoopGroup: any EventLoopGroup = .singletonMultiThreadedEventLoopGroup
    ) async throws -> ClientStorage {
        let servers = addresses.map { ServerAddress.internet($0) }
        return try await Self.open(servers: servers, options: options, eventLoopGroup: eventLoopGroup)
    }

    /// Opens a client of servers at fixed addresses or unix sockets, any of which will do.
    ///
    /// Waits for a connection unless `options.wait` is false. Close it when it is done with.
    public static func open(
        servers: [ServerAddress],
        options: ClientOptions = ClientOptions(),
        eventLoopGroup: any EventLoopGroup = .singletonMultiThreadedEventLoopGroup
    ) async throws -> ClientStorage {
        let storage = ClientStorage(servers: servers, options: options, eventLoopGroup: eventLoopGroup)
        try await storage.start()
        return storage
    }

    // MARK: Life

    /// Whether there is a connection just now.
    public var isConnected: Bool { self.gate.current != nil }

    /// Whether there is nothing but reading just now: because of the options, or because no server that can be written to
    /// was in reach (see `ClientOptions.readOnlyFallback`).
    public var isReadOnly: Bool { self.options.readOnly || self.gate.current?.isFallback == true }

    /// Keeps the client connected until it is closed, the task is cancelled, or a graceful shutdown begins. Throws when
    /// ZooKeeper cannot be reached at the start. Can be called once.
    public func run() async throws {
        try self.lifecycle.withLock { lifecycle in
            guard case .new = lifecycle else {
                throw StorageError(.invalidArgument, "the client has been run or closed before")
            }
            lifecycle = .running
        }
        try await withGracefulShutdownHandler {
            try await self.work()
        } onGracefulShutdown: {
            self.stopRequested.complete(.success(()))
        }
    }

    /// Starts the one task that owns everything, and waits as the options say.
    func start() async throws {
        self.lifecycle.withLock { lifecycle in
            guard case .new = lifecycle else { preconditionFailure("a client is opened once") }
            lifecycle = .owned(Task { try await self.work() })
        }
        do {
            try await self.started()
        } catch {
            await self.end()
            throw error
        }
    }

    /// Waits until the client has started, as the options say: until the addresses are known, and there is a connection.
    func started() async throws {
        try await self.ready.wait().get()
        if self.options.wait { _ = try await self.connection() }
    }

    private func work() async throws {
        defer {
            self.lifecycle.withLock { $0 = .closed }
            self.gate.shut()
            self.view.removeAllObservers()
            self.ready.set(.failure(StorageError(.closed, "the client has been closed")))
        }
        do {
            let tls = try self.options.tls.map(ClientTLS.init)
            try await self.openFolders()
            try await self.keepConnected(tls)
        } catch {
            self.ready.set(.failure(error))
            await self.view.closeCache()
            throw error
        }
        await self.view.closeCache()
    }

    private func openFolders() async throws {
        try await self.blobs?.open()
        if let path = self.options.cachePath {
            try await self.view.openCache(at: path, size: self.options.cacheSize, storage: self.options.storage)
        }
    }

    private func keepConnected(_ tls: ClientTLS?) async throws {
        try await withThrowingTaskGroup { group in
            if let blobs = self.blobs {
                group.addTask {
                    await blobs.run { error in
                        self.options.logger.warning(
                            "The blob cache could not be cleaned",
                            metadata: ["zeo.blob-dir": "\(blobs.path)", "error": "\(error)"]
                        )
                    }
                }
            }
            group.addTask { await self.manager.run(tls) }
            group.addTask { try await self.stopRequested.value() }
            switch self.source {
            case .fixed(let addresses):
                self.manager.addressesChanged(addresses)
                self.ready.set(.success(()))
            case .zooKeeper(let zooKeeper):
                group.addTask {
                    do {
                        try await zooKeeper.run(
                            whenStarted: { self.ready.set(.success(())) },
                            whenChanged: { self.manager.addressesChanged($0.map { .internet($0) }) }
                        )
                    } catch {
                        self.ready.set(.failure(error))
                        throw error
                    }
                }
            }
            defer { group.cancelAll() }
            do {
                try await group.next()
            } catch is CancellationError {
                // The task that runs this was cancelled, which is one way to end it.
            }
        }
    }

    /// Closes the connection and ends what `open` started. Calls that are under way throw `StorageError.closed` or
    /// `.disconnected`.
    public func close() async throws {
        await self.end()
    }

    private func end() async {
        self.stopRequested.complete(.success(()))
        self.gate.shut()
        let lifecycle = self.lifecycle.withLock { lifecycle in
            if case .new = lifecycle { lifecycle = .closed }
            return lifecycle
        }
        // What went wrong at the start has been told to whoever started it.
        if case .owned(let task) = lifecycle { try? await task.value }
    }

    // MARK: Facts

    /// What the server said about the storage; before the first connection, what is certain.
    public var traits: StorageTraits {
        let information = self.view.information
        var interfaces = information?.interfaces.filter { $0.module == "ZODB.interfaces" }.map(\.name) ?? []
        if self.blobs == nil { interfaces.removeAll { $0.contains("Blob") } }
        var traits = StorageTraits(
            name: self.options.name ?? information?.name ?? self.options.storage,
            isReadOnly: self.options.readOnly,
            supportsUndo: information?.supportsUndo ?? false,
            interfaces: interfaces,
            iteratesCurrentRecords: information?.supportsRecordIternext ?? false
        )
        traits.blobDirectory = self.blobs?.path
        traits.blobStagingDirectory = self.blobs?.stagingPath
        return traits
    }

    /// How much was in the storage when the server last said so: at the connection and after our own commits.
    public func statistics() async throws -> StorageStatistics {
        if self.view.information == nil { _ = try await self.connection() }
        let information = self.view.information
        return StorageStatistics(objectCount: information?.length ?? 0, byteCount: information?.size ?? 0)
    }

    /// The last transaction that the server has told this client of.
    public func lastTransaction() async throws -> TransactionID {
        while true {
            if let last = self.view.last { return last }
            _ = try await self.connection()
        }
    }

    // MARK: Observers

    /// Tells `observer` of every transaction that the server tells this client of after the returned tid.
    ///
    /// What happened while the connection was down arrives as one transaction that stands for all of it.
    public func addObserver(_ observer: any StorageObserver) async throws -> TransactionID {
        while true {
            if let last = self.view.add(observer) { return last }
            _ = try await self.connection()
        }
    }

    /// Tells `observer` nothing any more.
    public func removeObserver(_ observer: any StorageObserver) async {
        self.view.remove(observer)
    }

    /// With `ClientOptions.serverSync`, asks the server what has been committed; otherwise returns at once.
    public func synchronize() async throws {
        guard self.options.serverSync else { return }
        // The answer comes behind the news of everything that was committed before the question.
        _ = try await self.call(.lastTransaction) { try $0.plainValue() }
    }

    /// The connection that works, after waiting for it.
    func connection() async throws -> ZEOConnection {
        try await self.gate.connection(within: self.options.waitTimeout)
    }

    /// What `body` does with the connection that works, after waiting for it. When that turns out to be gone before anything
    /// was sent, waits for the next one.
    func withConnection<Result>(_ body: (ZEOConnection) async throws -> Result) async throws -> Result {
        while true {
            let connection = try await self.connection()
            do {
                return try await body(connection)
            } catch let error as StorageError where error.underlyingError is CallNotSent {
                self.gate.lost(connection, nil)
            }
        }
    }

    /// Makes a call and reads its answer.
    func call<Result>(_ call: ServerCall, _ read: (Reply) throws -> Result) async throws -> Result {
        try await self.withConnection { connection in
            try self.read(try await connection.call(call), on: connection, read)
        }
    }
}
