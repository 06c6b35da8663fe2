//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import Logging
public import ServiceLifecycle

/// Follows which servers are registered at a path, whatever happens to connections, sessions and the path.
///
/// ```swift
/// for await set in watcher.addresses { connect(to: set.addresses) }
/// ```
///
/// Whoever balances load takes ``snapshots``, which also tell since when a set holds and whether ZooKeeper is in reach.
///
/// Links in the path are followed, and watched: when one is pointed elsewhere, or the path is deleted and created again, the
/// path is resolved again. No problem with a connection ever makes a set empty; an empty set says that nobody is registered.
///
/// What to do is decided by the `AddressWatcherStateMachine`.
public actor AddressWatcher: Service {
    private enum Event: Sendable {
        case session(SessionEvent)
        case read(Int64, Result<Reading, ZooKeeperError>)
        case watchFired
        case timerFired
        case stop
    }

    private struct Reading: Sendable {
        var set: AddressSet
        var watches: [ZooKeeperWatch]
    }

    private static let retry = RetryDelay(first: .milliseconds(100), limit: .seconds(10))

    private let session: ZooKeeperSession
    private let path: String
    private let logger: Logger
    private nonisolated let broadcast = Broadcast<AddressSet>(depth: 1)
    private nonisolated let snapshotBroadcast = Broadcast<AddressSnapshot>(depth: 1)
    private nonisolated let stop = StopSignal()
    private var sessionIsConnected = false
    /// The session in which the path has been read last.
    private var readSession: Int64?
    /// Why the last reading failed, if it did.
    private(set) var lastError: ZooKeeperError?
    private var hasRun = false

    /// Makes a watcher, which does nothing before `run()`. Somebody else runs the session.
    public init(session: ZooKeeperSession, path: String, logger: Logger) {
        self.session = session
        self.path = path
        var logger = logger
        logger[metadataKey: "zk.path"] = "\(path)"
        self.logger = logger
    }

    /// The registered addresses, whenever they change: for each subscriber the newest set first, and newer ones win.
    public nonisolated var addresses: AddressSequence { AddressSequence(stream: self.broadcast.subscribe()) }

    /// The registered addresses with what is known about them, whenever either changes: for each subscriber the newest
    /// snapshot first, and newer ones win. There is none before the path has been read once.
    public nonisolated var snapshots: AddressSnapshotSequence {
        AddressSnapshotSequence(stream: self.snapshotBroadcast.subscribe())
    }

    /// The newest set; nil before the first.
    public nonisolated var current: AddressSet? { self.broadcast.newest }

    /// Follows the path until graceful shutdown, cancellation, ``close()`` or the end of the session.
    ///
    /// Throws ``ZooKeeperError`` (`alreadyRunning`).
    public func run() async throws {
        guard !self.hasRun else { throw ZooKeeperError(.alreadyRunning) }
        self.hasRun = true
        defer {
            self.broadcast.finish()
            self.snapshotBroadcast.finish()
        }
        try await self.stop.shielding { await self.follow() }
    }

    /// Ends `run()`.
    public nonisolated func close() { self.stop.request() }

    private func follow() async {
        let (inbox, queue) = AsyncStream.makeStream(of: Event.self)
        let sessionEvents = self.session.events
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                for await event in sessionEvents { queue.yield(.session(event)) }
                queue.yield(.stop)
            }
            group.addTask {
                try? await self.stop.wait()
                queue.yield(.stop)
            }
            await self.consume(inbox, queue)
            group.cancelAll()
        }
    }

    private func consume(_ inbox: AsyncStream<Event>, _ queue: AsyncStream<Event>.Continuation) async {
        var machine = AddressWatcherStateMachine()
        var watches: [ZooKeeperWatch] = []
        var stage: Task<Void, Never>?
        for await event in inbox {
            let action = Self.handle(event, &machine, &watches)
            self.note(event, now: .now)
            if action == .none { continue }
            // One thing at a time: what was under way is not needed any more.
            stage?.cancel()
            await stage?.value
            if action == .finish { return }
            if case .publishAndHold(let set) = action { self.publish(set) }
            let session = machine.session ?? 0
            stage = Task { [watches] in
                let event = await self.perform(action, session: session, watches)
                if let event, !Task.isCancelled { queue.yield(event) }
            }
        }
    }

    private static func handle(
        _ event: Event,
        _ machine: inout AddressWatcherStateMachine,
        _ watches: inout [ZooKeeperWatch]
    ) -> AddressWatcherStateMachine.Action {
        switch event {
        case .session(.connected(let id)): return machine.connected(id)
        case .session(.suspended): return machine.suspended()
        case .session(.expired): return machine.expired()
        case .session(.closed), .stop: return machine.stop()
        case .watchFired: return machine.watchFired()
        case .timerFired: return machine.timerFired()
        case .read(let id, let result):
            if case .success(let reading) = result { watches = reading.watches }
            return machine.didRead(in: id, result.map(\.set))
        }
    }

    /// Tells those who want to know how far a set can be trusted.
    private func note(_ event: Event, now: ContinuousClock.Instant) {
        let known = self.snapshotBroadcast.newest
        var new = known
        switch event {
        case .session(.connected(let id)):
            self.sessionIsConnected = true
            // In the same session the watches live, and tell what was missed; in a new one the path has to be read.
            guard id == self.readSession else { return }
        case .session(.suspended), .session(.expired), .session(.closed): self.sessionIsConnected = false
        case .read(let id, .success(let reading)):
            self.readSession = id
            new = .read(reading.set, at: now, after: known)
        case .read, .watchFired, .timerFired, .stop: return
        }
        new?.isConnected = self.sessionIsConnected
        if let new, new != known { self.snapshotBroadcast.publish(new) }
    }

    private func publish(_ set: AddressSet) {
        self.logger.debug(
            "registered addresses",
            metadata: ["zk.addresses": .array(set.names.map { "\($0)" }), "zk.path.exists": "\(set.pathExists)"]
        )
        self.broadcast.publish(set)
    }

    private func perform(
        _ action: AddressWatcherStateMachine.Action,
        session: Int64,
        _ watches: [ZooKeeperWatch]
    ) async -> Event? {
        switch action {
        case .read:
            do {
                let reading = try await self.read()
                self.lastError = nil
                return .read(session, .success(reading))
            } catch {
                let error = error as? ZooKeeperError ?? ZooKeeperError(.other)
                if !Task.isCancelled { self.lastError = error }
                return .read(session, .failure(error))
            }
        case .hold, .publishAndHold:
            // Now and then, in case a watch was lost.
            let timeout = await self.session.negotiatedTimeout ?? .seconds(10)
            return await Self.first(of: watches, within: timeout * 3 * .random(in: 0.75...1.25))
        case .pause(let attempt, let error), .warnAndPause(let attempt, let error):
            self.logger.log(
                level: action == .pause(attempt: attempt, error) ? .debug : .warning,
                "cannot read the registered addresses; trying again until it works",
                metadata: ["error": "\(error)"]
            )
            return await Self.first(of: [], within: Self.retry.delay(attempt: attempt, chance: .random(in: 0...1)))
        case .none, .finish:
            return nil
        }
    }

    /// Follows the links and lists the children.
    private func read() async throws -> Reading {
        let resolution = try await Links.follow(self.path, in: self.session, watching: true)
        switch resolution.target {
        case .found(let real):
            do {
                let (names, _, watch) = try await self.session.childrenWatching(real)
                return Reading(set: AddressSet(names: names), watches: resolution.watches + [watch])
            } catch let error as ZooKeeperError where error.code == .noNode {
                // Deleted since it was resolved; this watch tells when it is there again.
                let (stat, watch) = try await self.session.existsWatching(real)
                guard stat == nil else { return try await self.read() }
                return Reading(set: AddressSet(names: nil), watches: resolution.watches + [watch])
            }
        case .missing:
            return Reading(set: AddressSet(names: nil), watches: resolution.watches)
        case .loop(let paths):
            self.logger.info("links lead back to themselves", metadata: ["zk.links": .array(paths.map { "\($0)" })])
            return Reading(set: AddressSet(names: nil), watches: resolution.watches)
        }
    }

    /// Waits for one of the watches, no longer than that.
    private static func first(of watches: [ZooKeeperWatch], within limit: Duration) async -> Event {
        await withTaskGroup(of: Event.self) { group in
            group.addTask {
                try? await Task.sleep(for: limit)
                return .timerFired
            }
            for watch in watches {
                group.addTask {
                    _ = try? await watch.fired()
                    return .watchFired
                }
            }
            defer { group.cancelAll() }
            return await group.next() ?? .timerFired
        }
    }
}
