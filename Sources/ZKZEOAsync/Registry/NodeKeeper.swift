//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Logging

/// Does what a ``RegistrationStateMachine`` decides for one node of a lease.
///
/// All events come through one queue. What takes time (an operation, a pause, a wait for a watch) is a stage: a task that
/// ends with one event. There is one stage at a time; the next action cancels it and waits for its end.
struct NodeKeeper: Sendable {
    enum Event: Sendable {
        case session(SessionEvent)
        case created(Int64, ZooKeeperError?)
        case examined(Int64, Result<RegistrationStateMachine.Finding, ZooKeeperError>)
        case tookOver(Int64, ZooKeeperError?)
        case watchFired
        case timerFired
        case removed
        case stop
    }

    private static let retry = RetryDelay(first: .milliseconds(100), limit: .seconds(10))
    private static let wait = RetryDelay(first: .seconds(1), limit: .seconds(30))
    /// How long a removal may take, which only politeness demands: the node goes with the session anyway.
    private static let removalLimit: Duration = .seconds(5)
    private static let removalPause: Duration = .milliseconds(100)

    let lease: RegistrationLease
    let registration: Registration
    let stop: StopSignal

    /// Keeps the node until the lease ends. The caller is not cancelled before that.
    func run() async throws {
        let (inbox, queue) = AsyncStream.makeStream(of: Event.self)
        let sessionEvents = self.lease.session.events
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for await event in sessionEvents { queue.yield(.session(event)) }
                queue.yield(.session(.closed))
            }
            group.addTask {
                try? await self.stop.wait()
                queue.yield(.stop)
            }
            defer { group.cancelAll() }
            try await self.consume(inbox, queue)
        }
        await self.lease.changed(self.registration.name, .ended)
    }

    private func consume(_ inbox: AsyncStream<Event>, _ queue: AsyncStream<Event>.Continuation) async throws {
        var machine = RegistrationStateMachine(failsOnMissingPath: self.lease.missingPath == .fail)
        var node = NodePlace()
        var stage: Task<NodePlace, Never>?
        for await event in inbox {
            let action = machine.handle(event)
            await self.report(machine.state, action)
            switch action {
            case .none: continue
            case .finish: return await Self.end(&stage, &node)
            case .fail(let error):
                await Self.end(&stage, &node)
                throw error
            default: break
            }
            await Self.end(&stage, &node)
            let session = machine.session
            stage = Task { [node] in
                var node = node
                if let event = await self.perform(action, session: session, &node), !Task.isCancelled {
                    queue.yield(event)
                }
                return node
            }
        }
    }

    private static func end(_ stage: inout Task<NodePlace, Never>?, _ node: inout NodePlace) async {
        guard let task = stage else { return }
        task.cancel()
        node = await task.value
        stage = nil
    }

    /// Where the node is, and the watch on it.
    private struct NodePlace: Sendable {
        var path: String?
        var watch: ZooKeeperWatch?
    }

    private func perform(
        _ action: RegistrationStateMachine.Action,
        session: Int64?,
        _ node: inout NodePlace
    ) async -> Event? {
        let session = session ?? 0
        switch action {
        case .create:
            return .created(session, await self.outcome { try await self.create(&node) })
        case .examine:
            do {
                return .examined(session, .success(try await self.examine(&node)))
            } catch {
                return .examined(session, .failure(Self.asZooKeeperError(error)))
            }
        case .takeOver(let version):
            return .tookOver(session, await self.outcome { try await self.takeOver(version: version, node) })
        case .hold:
            // Now and then, in case a watch or an event was lost.
            let timeout = await self.lease.session.negotiatedTimeout ?? .seconds(10)
            return await self.watch(node.watch, for: timeout * 3 * .random(in: 0.75...1.25))
        case .wait(let attempt), .warnAndWait(_, _, let attempt):
            return await self.watch(node.watch, for: Self.wait.delay(attempt: attempt, chance: .random(in: 0...1)))
        case .pause(let attempt, _), .warnAndPause(let attempt, _):
            return await self.watch(nil, for: Self.retry.delay(attempt: attempt, chance: .random(in: 0...1)))
        case .remove(let owner):
            await self.remove(node, owner: owner)
            return .removed
        case .none, .finish, .fail:
            return nil
        }
    }

    // MARK: Operations

    private func create(_ node: inout NodePlace) async throws {
        // Links may lead elsewhere by now: what is at the old place is no business of ours any more.
        node = NodePlace()
        let path = Links.join(
            try await Links.resolve(self.lease.path, in: self.lease.session),
            self.registration.name
        )
        node = NodePlace(path: path)
        do {
            try await self.lease.session.create(
                path,
                data: self.registration.properties.data,
                mode: .ephemeral,
                acl: self.lease.acl
            )
            // Only to be told of its deletion; that it is ours we know.
            let (stat, watch) = try await self.lease.session.existsWatching(path)
            node.watch = watch
            // Deleted already.
            guard stat != nil else { return try await self.create(&node) }
        } catch let error as ZooKeeperError where error.code == .noNode {
            // The path was there a moment ago.
            throw ZooKeeperError(.noNode, path: self.lease.path, rawCode: error.rawCode)
        }
    }

    private func examine(_ node: inout NodePlace) async throws -> RegistrationStateMachine.Finding {
        guard let path = node.path else { return .absent }
        node.watch = nil
        do {
            let (data, stat, watch) = try await self.lease.session.getWatching(path)
            node.watch = watch
            let properties = NodeProperties(data: data)
            return .present(
                owner: stat.ephemeralOwner,
                version: stat.version,
                pid: properties.pid,
                evidence: StaleEvidence.find(
                    in: properties,
                    for: self.registration,
                    process: .current,
                    isAlive: ProcessIdentity.isAlive
                )
            )
        } catch let error as ZooKeeperError where error.code == .noNode {
            return .absent
        }
    }

    private func takeOver(version: Int32, _ node: NodePlace) async throws {
        guard let path = node.path else { return }
        try await self.lease.session.multi([
            .delete(path, version: version),
            .create(path, data: self.registration.properties.data, mode: .ephemeral, acl: self.lease.acl),
        ])
        self.lease.logger.info("took the node of a dead predecessor over", metadata: ["zk.node": "\(path)"])
    }

    /// Deletes the node if it is that session's, and does not take long over it.
    private func remove(_ node: NodePlace, owner: Int64) async {
        guard let path = node.path else { return }
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                do {
                    while try await !self.removed(path, owner: owner) { try await Task.sleep(for: Self.removalPause) }
                } catch {
                    self.lease.logger.debug(
                        "the node goes with the session instead",
                        metadata: ["zk.node": "\(path)", "error": "\(error)"]
                    )
                }
            }
            group.addTask { try? await Task.sleep(for: Self.removalLimit) }
            await group.next()
            group.cancelAll()
        }
    }

    /// Whether the node is gone, or another's; false if the connection was lost meanwhile.
    private func removed(_ path: String, owner: Int64) async throws -> Bool {
        do {
            // Whose it is counts, not what is in it: others may have set its data.
            if try await self.lease.session.exists(path)?.ephemeralOwner == owner {
                try await self.lease.session.delete(path)
            }
            return true
        } catch let error as ZooKeeperError where error.code == .connectionLoss {
            return false
        } catch let error as ZooKeeperError where error.code == .noNode {
            return true
        }
    }

    /// Waits for a watch, no longer than that.
    private func watch(_ watch: ZooKeeperWatch?, for limit: Duration) async -> Event {
        await withTaskGroup(of: Event.self) { group in
            group.addTask {
                try? await Task.sleep(for: limit)
                return .timerFired
            }
            if let watch {
                group.addTask {
                    _ = try? await watch.fired()
                    return .watchFired
                }
            }
            defer { group.cancelAll() }
            return await group.next() ?? .timerFired
        }
    }

    private func outcome(_ body: () async throws -> Void) async -> ZooKeeperError? {
        do {
            try await body()
            return nil
        } catch {
            return Self.asZooKeeperError(error)
        }
    }

    private static func asZooKeeperError(_ error: any Error) -> ZooKeeperError {
        // The other kind is cancellation: then the event is thrown away.
        error as? ZooKeeperError ?? ZooKeeperError(.other, message: "\(error)")
    }

    // MARK: Reports

    private func report(_ state: RegistrationStateMachine.State, _ action: RegistrationStateMachine.Action) async {
        let name = self.registration.name
        switch action {
        case .warnAndWait(let owner, let pid, _):
            self.lease.logger.warning(
                "the node belongs to somebody else; waiting for its deletion",
                metadata: [
                    "zk.node": "\(name)", "zk.session.id": "0x\(String(owner, radix: 16))",
                    "pid": "\(pid.map(String.init) ?? "unknown")",
                ]
            )
            await self.lease.changed(name, .blocked(owner: owner, pid: pid))
        case .warnAndPause(_, let error):
            self.lease.logger.warning(
                "cannot register yet; trying again until it works",
                metadata: ["zk.node": "\(name)", "error": "\(error)"]
            )
            await self.lease.changed(name, .registering(error))
        case .pause(_, let error):
            self.lease.logger.debug("registration failed", metadata: ["zk.node": "\(name)", "error": "\(error)"])
            await self.lease.changed(name, .registering(error))
        case .hold:
            if case .registered(let id) = state {
                self.lease.logger.debug("registered", metadata: ["zk.node": "\(name)"])
                await self.lease.changed(name, .registered(sessionID: id))
            }
        case .create:
            await self.lease.changed(name, .registering(nil))
        case .none:
            if state == .waiting { await self.lease.changed(name, .waitingForSession) }
        case .examine, .takeOver, .wait, .remove, .finish, .fail:
            break
        }
    }
}

extension RegistrationStateMachine {
    /// Sorts the events of a queue.
    mutating func handle(_ event: NodeKeeper.Event) -> Action {
        switch event {
        case .session(.connected(let id)): self.connected(id)
        case .session(.suspended): self.suspended()
        case .session(.expired): self.expired()
        case .session(.closed): self.sessionClosed()
        case .created(let id, let error): self.created(in: id, error)
        case .examined(let id, let result): self.examined(in: id, result)
        case .tookOver(let id, let error): self.tookOver(in: id, error)
        case .watchFired: self.watchFired()
        case .timerFired: self.timerFired()
        case .removed: self.removed()
        case .stop: self.stop()
        }
    }
}
