//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import Logging
public import ServiceLifecycle
import Synchronization

/// A session with ZooKeeper, which lasts as long as `run()` does: when the server ends it, another takes its place.
///
/// ```swift
/// let session = ZooKeeperSession(configuration: .init(connectionString: "127.0.0.1:2181"), logger: logger)
/// async let running: Void = session.run()   // or let a ServiceGroup run it
/// try await session.waitUntilConnected(timeout: .seconds(10))
/// let (data, stat, _) = try await session.get("/databases")
/// ```
///
/// Guarded by the actor: the state machine, the handle and the table of watches. Guarded by its own lock: the table of
/// requests, because cancellation comes from outside.
public actor ZooKeeperSession: Service {
    /// What a session needs to know.
    public struct Configuration: Sendable {
        /// Where ZooKeeper is: `HOST:PORT,HOST:PORT/CHROOT`. Paths of all operations are below the chroot.
        public var connectionString: String
        /// How long the server keeps the session without a sign of life. The server may decide otherwise. Default 10 s.
        public var sessionTimeout: Duration = .seconds(10)
        /// Credentials that are presented on every connection, such as `("digest", "user:password")`.
        public var auth: [(scheme: String, credential: [UInt8])] = []
        /// A session to go on with; if the server does not know it any more, a new one is made.
        public var resuming: SessionIdentity?
        /// How long to wait before another attempt when no server's name could be looked up.
        var openRetry = RetryDelay(first: .milliseconds(100), limit: .seconds(10))

        /// Makes a configuration with the defaults.
        public init(connectionString: String) {
            self.connectionString = connectionString
        }
    }

    /// What the session was made with.
    public nonisolated let configuration: Configuration
    nonisolated let stop = StopSignal()
    nonisolated let requests = Mutex(RequestTable<Waiter, RequestNote>())
    private nonisolated let broadcast = Broadcast<SessionEvent>(depth: 64)
    private nonisolated let ended = OneShot<Void>()
    let logger: Logger
    private var machine = SessionStateMachine()
    var handle: ZKHandle?
    var watches = WatchTable<ZooKeeperWatch>()
    /// What the library writes the results of multis into; freed when they are answered, or with the handle.
    var multis: [UInt32: MultiBuffers] = [:]
    /// What `addAuth` was called with, for the handles that follow this one.
    var addedAuth: [(scheme: String, credential: [UInt8])] = []
    /// Credentials that the handle did not take, because it takes none between two connections.
    var unsentAuth: [(scheme: String, credential: [UInt8], token: CallbackToken)] = []
    private var firedWatches: UInt64 = 0
    private var identity: SessionIdentity?
    /// The session to go on with, until it is known whether the server still knows it.
    private var resuming: SessionIdentity?
    private var timeout: Duration?

    /// Makes a session, which does nothing before `run()`.
    public init(configuration: Configuration, logger: Logger) {
        self.configuration = configuration
        self.resuming = configuration.resuming
        self.logger = logger
    }

    // MARK: Life

    /// Connects, and keeps connected until `close()`, graceful shutdown or cancellation. When it returns, the server has
    /// been told (if it could be reached) and everything that this started has ended.
    ///
    /// Throws ``ZooKeeperError``: `badArguments` if the connection string is wrong, `alreadyRunning`, `authFailed` when the
    /// server refuses a credential. Trouble with connections ends nothing.
    public func run() async throws {
        let connection = try ConnectionString(self.configuration.connectionString)
        let actions = try self.machine.runCalled()
        defer {
            self.broadcast.finish()
            self.ended.set(())
        }
        try await self.stop.shielding { try await self.drive(actions, hosts: connection.forLibrary) }
    }

    /// Ends `run()`, and returns when it has ended. Requests under way fail with `sessionClosed`.
    public func close() async {
        self.stop.request()
        if case .idle = self.machine.state {
            for case .publish(let event) in self.machine.stopRequested() { self.broadcast.publish(event) }
            self.broadcast.finish()
            self.ended.set(())
        }
        try? await self.ended.wait()
    }

    // MARK: State

    /// What happens to the session. Each subscription first yields the newest event, if there has been one.
    public nonisolated var events: SessionEvents { SessionEvents(stream: self.broadcast.subscribe()) }

    /// The number of the session, while there is a connection.
    public var sessionID: Int64? { self.machine.connectedSessionID }

    /// Why the session has ended, where nobody wanted it to; what was under way then has failed with `sessionClosed`.
    public private(set) var failure: ZooKeeperError?

    /// What it takes to go on with the session elsewhere; nil before the first connection.
    public var sessionIdentity: SessionIdentity? { self.identity }

    /// The time-out that the server granted; nil before the first connection.
    public var negotiatedTimeout: Duration? { self.timeout }

    /// Waits until there is a connection. May be called before `run()`.
    ///
    /// Throws ``ZooKeeperError``: `connectTimeout`, or `sessionClosed` when `run()` has ended.
    @discardableResult
    public func waitUntilConnected(timeout: Duration) async throws -> Int64 {
        let events = self.events
        let id = try await withThrowingTaskGroup(of: Int64?.self) { group in
            group.addTask {
                for await event in events {
                    if case .connected(let id) = event { return id }
                }
                try Task.checkCancellation()
                throw ZooKeeperError(.sessionClosed)
            }
            group.addTask {
                try await Task.sleep(for: timeout)
                return nil
            }
            defer { group.cancelAll() }
            return try await group.next() ?? nil
        }
        guard let id else {
            throw ZooKeeperError(
                .connectTimeout,
                message: "no connection to \(self.configuration.connectionString) within \(timeout)"
            )
        }
        return id
    }

    // MARK: The loop

    /// One handle after the other, until the machine says that it is enough.
    private func drive(_ actions: [SessionStateMachine.Action], hosts: String) async throws {
        var actions = actions
        while true {
            var next: [SessionStateMachine.Action] = []
            for action in actions {
                switch action {
                case .open(let attempt): next = await self.openAndServe(attempt: attempt, hosts: hosts)
                case .finish(let error):
                    self.failure = error
                    if let error { throw error } else { return }
                case .publish, .sweep, .closeHandle: self.performNow(action)
                }
            }
            actions = next
        }
    }

    /// Makes a handle and consumes its inbox to the end. Returns what is to be done then.
    private func openAndServe(attempt: Int, hosts: String) async -> [SessionStateMachine.Action] {
        if attempt > 0 {
            await self.stop.sleep(for: self.configuration.openRetry.delay(attempt: attempt, chance: .random(in: 0...1)))
        }
        let (slot, inbox, continuation) = CallbackRouter.open(logLevel: ZKLogForwarder.level(for: self.logger))
        self.stop.onRequest { continuation.yield(.stopRequested) }
        if self.stop.isRequested {
            _ = self.machine.stopRequested()
            CallbackRouter.close(slot: slot)
            return self.machine.openFailed()
        }
        let opened = await ZKHandle.open(
            hosts: hosts,
            timeout: self.configuration.sessionTimeout,
            identity: self.resuming,
            slot: slot
        )
        switch opened {
        case .success(let address):
            self.handle = ZKHandle(address, slot: slot)
            self.submitAuth()
            return await self.serve(inbox, slot: slot, first: self.machine.opened())
        case .failure(let failure):
            self.logger.info(
                "cannot look up ZooKeeper's servers",
                metadata: ["zk.hosts": "\(hosts)", "error": "\(systemErrorText(failure.errno))"]
            )
            CallbackRouter.close(slot: slot)
            if self.stop.isRequested { _ = self.machine.stopRequested() }
            return self.machine.openFailed()
        }
    }

    /// Consumes what the handle tells, in order, until it has told that it is gone.
    private func serve(
        _ inbox: CallbackRouter.Inbox,
        slot: UInt32,
        first: [SessionStateMachine.Action]
    ) async -> [SessionStateMachine.Action] {
        var actions = first
        var events = inbox.makeAsyncIterator()
        while true {
            for action in actions {
                guard action == .closeHandle else {
                    self.performNow(action)
                    continue
                }
                // Taken out first: whoever comes in while we wait finds no handle.
                if let handle = self.handle.take() { await handle.close() }
                CallbackRouter.close(slot: slot)
            }
            guard let event = await events.next(isolation: self) else {
                preconditionFailure("the last event of an inbox is `closed`")
            }
            if case .closed = event { return self.machine.handleClosed() }
            actions = self.received(event)
        }
    }

    /// Handles one event, without waiting for anything.
    private func received(_ event: HandleEvent) -> [SessionStateMachine.Action] {
        switch event {
        case .session(let state, let identity, let timeout):
            guard let connection = ZKHandle.connectionState(state, sessionID: identity.id) else { return [] }
            let actions = self.machine.connectionChanged(connection)
            if case .connected = self.machine.state {
                self.resuming = nil
                self.identity = identity
                self.timeout = timeout
                // Before anybody hears of the connection and sends what needs them.
                self.submitUnsentAuth()
            }
            if connection == .expired { self.resuming = nil }
            return actions
        case .watch(let id, let event):
            self.watches.fired(id).map { self.fire($0, event) }
        case .completed(let id, let code, let reply):
            self.completed(id: id, code: code, reply)
        case .log(let line):
            ZKLogForwarder(logger: self.logger).log(line)
        case .stopRequested:
            return self.machine.stopRequested()
        case .closed:
            break
        }
        return []
    }

    private func fire(_ watch: ZooKeeperWatch, _ event: ZooKeeperWatch.Event) {
        self.firedWatches += 1
        watch.fire(event, order: self.firedWatches)
    }

    private func performNow(_ action: SessionStateMachine.Action) {
        switch action {
        case .publish(let event):
            self.logger.debug("session event", metadata: ["zk.event": "\(event)"])
            self.broadcast.publish(event)
        case .sweep(let code):
            for (waiter, note) in self.requests.withLock({ $0.sweep() }) {
                waiter.resume(throwing: ZooKeeperError(code, path: note.path))
            }
            for watch in self.watches.sweep() { self.fire(watch, .sessionLost) }
            for buffers in self.multis.values { buffers.deallocate() }
            self.multis = [:]
        case .open, .closeHandle, .finish:
            preconditionFailure("the loop performs these, since they take time")
        }
    }

    // MARK: Requests

    /// Throws if no request can be sent now.
    func checkRequestsAllowed(path: String?) throws(ZooKeeperError) {
        if let refusal = self.machine.refusal { throw ZooKeeperError(refusal, path: path) }
    }
}

/// The events of a session, for `for await`.
public struct SessionEvents: AsyncSequence, Sendable {
    public typealias Failure = Never
    let stream: AsyncStream<SessionEvent>

    /// Yields one event after the other; ends after ``SessionEvent/closed``.
    public struct Iterator: AsyncIteratorProtocol {
        var base: AsyncStream<SessionEvent>.Iterator

        public mutating func next(isolation actor: isolated (any Actor)?) async -> SessionEvent? {
            await self.base.next(isolation: actor)
        }
    }

    public func makeAsyncIterator() -> Iterator { Iterator(base: self.stream.makeAsyncIterator()) }
}
