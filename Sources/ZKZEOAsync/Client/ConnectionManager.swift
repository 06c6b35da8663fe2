//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Logging
import Metrics
import NIOCore
import ZEOProtocol
import ZODBFormat
import ZODBStorage

/// Keeps a client connected: does what `ConnectionManagerStateMachine` decides, one event after the other.
///
/// Everything that happens comes through one stream of events, which `run()` alone consumes.
actor ConnectionManager {
    private enum Event: Sendable {
        case addresses([ServerAddress])
        case keptLongEnough(ServerAddress, removal: Int)
        case succeeded(ZEOConnection, ZEOConnectionHandler.Registration, round: Int)
        case failed(ServerAddress, any Error, round: Int)
        case waitedLongEnough(round: Int)
        case verified(ZEOConnection, round: Int)
        case verificationFailed(ZEOConnection, any Error, round: Int)
        case lost(ZEOConnection, (any Error)?)
        case rested(round: Int)
    }

    private var machine: ConnectionManagerStateMachine<ZEOConnection>
    /// The connections that are being made, to be given up together.
    private var attempts: [Int: [ZEOConnection]] = [:]
    /// What servers said at the registration, until the cache has been verified.
    private var registrations: [ObjectIdentifier: TransactionID] = [:]
    private var connectedAt = ContinuousClock.now
    /// The connection that calls go through.
    private var working: ZEOConnection?
    /// What has been logged about servers that cannot be used.
    private var faults: Set<String> = []

    private let events: AsyncStream<Event>
    private let inbox: AsyncStream<Event>.Continuation
    private let options: ClientOptions
    private let view: ClientView
    private let gate: ConnectionGate
    private let eventLoop: any EventLoop
    private var tls: ClientTLS?

    init(_ options: ClientOptions, _ view: ClientView, _ gate: ConnectionGate, _ eventLoop: any EventLoop) {
        var backoff = Backoff()
        backoff.first = options.reconnectDelay.first
        backoff.limit = max(options.reconnectDelay.first, options.reconnectDelay.limit)
        self.machine = ConnectionManagerStateMachine(backoff: backoff, keepingRemovedFor: options.removalGrace)
        self.options = options
        self.view = view
        self.gate = gate
        self.eventLoop = eventLoop
        (self.events, self.inbox) = AsyncStream.makeStream()
    }

    /// The servers are now to be found at these addresses.
    nonisolated func addressesChanged(_ addresses: some Sequence<ServerAddress>) {
        self.inbox.yield(.addresses(Set(addresses).sorted()))
    }

    /// Keeps the client connected until the task is cancelled.
    ///
    /// - Parameter tls: Speaks TLS; `nil` speaks without.
    func run(_ tls: ClientTLS?) async {
        self.tls = tls
        await withDiscardingTaskGroup { group in
            for await event in self.events {
                for action in self.decide(event) { self.perform(action, in: &group) }
            }
            let last = self.machine.stop()
            for action in last { self.perform(action, in: &group) }
            self.gate.shut()
            group.cancelAll()
            for case .close(let connection) in last { await connection.ended() }
        }
    }

    private func decide(_ event: Event) -> [ConnectionManagerStateMachine<ZEOConnection>.Action] {
        let jitter = Double.random(in: 0...1)
        switch event {
        case .addresses(let addresses):
            self.options.metrics.addresses.set(addresses.count)
            return self.machine.addressesChanged(addresses)
        case .keptLongEnough(let address, let removal):
            return self.machine.keptLongEnough(address, removal: removal)
        case .waitedLongEnough(let round): return self.machine.waitedLongEnough(round: round)
        case .succeeded(let connection, let registration, let round):
            // Until now it was given up together with the others when the client was closed.
            self.attempts[round]?.removeAll { $0 === connection }
            self.registrations[ObjectIdentifier(connection)] = registration.last
            return self.machine.succeeded(
                .init(connection: connection, address: connection.address, isFallback: registration.isFallback),
                round: round
            )
        case .failed(let address, let error, let round):
            // Those that were given up say nothing about why there is no connection.
            if !(error is CancellationError) {
                self.gate.failed(error)
                self.options.metrics.failedAttempts.increment()
                self.tellFailure(error, address)
            }
            return self.machine.failed(round: round, jitter: jitter)
        case .verified(let connection, let round):
            self.connectedAt = .now
            return self.machine.verified(connection, round: round, jitter: jitter)
        case .verificationFailed(let connection, let error, let round):
            self.gate.failed(error)
            self.options.logger.info(
                "A server is of no use",
                metadata: ["zeo.address": "\(connection.address)", "error": "\(error)"]
            )
            return self.machine.verificationFailed(connection, round: round, jitter: jitter)
        case .lost(let connection, let error):
            let lasted = ContinuousClock.now - self.connectedAt
            let actions = self.machine.lost(connection, lasted: lasted, jitter: jitter)
            guard self.working === connection else { return actions }
            self.left(connection)
            self.options.logger.info(
                "Disconnected from a server",
                metadata: [
                    "zeo.address": "\(connection.address)", "error": "\(error.map { "\($0)" } ?? "closed by peer")",
                ]
            )
            return actions
        case .rested(let round): return self.machine.rested(round: round)
        }
    }

    private func perform(
        _ action: ConnectionManagerStateMachine<ZEOConnection>.Action,
        in group: inout DiscardingTaskGroup
    ) {
        switch action {
        case .attempt(let addresses, let round, let demand):
            let connections = addresses.map { ZEOConnection($0, demand, self.options, self.view, self.eventLoop) }
            self.options.metrics.attempts.increment(by: connections.count)
            // Those of earlier rounds have been given up, or have failed.
            self.attempts = [round: connections]
            for connection in connections { group.addTask { await self.attempt(connection, round) } }
        case .cancelAttempts(let round):
            // The one that has succeeded has been taken out before.
            for connection in self.attempts.removeValue(forKey: round) ?? [] { connection.close(CancellationError()) }
        case .verify(let connection, let round):
            let last = self.registrations.removeValue(forKey: ObjectIdentifier(connection))
            group.addTask { await self.verify(connection, last, round) }
        case .open(let connection):
            self.options.logger.debug("Connected to a server", metadata: ["zeo.address": "\(connection.address)"])
            self.faults = []
            self.working = connection
            self.options.metrics.connections.increment()
            self.options.metrics.connected.set(1)
            self.gate.open(connection)
            // It may have been lost before the gate knew it.
            if connection.isClosed {
                self.gate.lost(connection, nil)
                self.inbox.yield(.lost(connection, nil))
            }
        case .close(let connection):
            self.registrations[ObjectIdentifier(connection)] = nil
            // Calls that come from now on wait for the next one.
            self.gate.lost(connection, nil)
            self.left(connection)
            connection.close(nil)
        case .rest(let round, let delay): self.remind(of: .rested(round: round), after: delay, in: &group)
        case .wait(let round, let delay): self.remind(of: .waitedLongEnough(round: round), after: delay, in: &group)
        case .keep(let address, let removal, let grace):
            self.remind(of: .keptLongEnough(address, removal: removal), after: grace, in: &group)
        }
    }

    private func remind(of event: Event, after delay: Duration, in group: inout DiscardingTaskGroup) {
        group.addTask { [inbox] in
            try? await Task.sleep(for: delay)
            inbox.yield(event)
        }
    }

    /// The connection that works is none any more.
    private func left(_ connection: ZEOConnection) {
        guard self.working === connection else { return }
        self.working = nil
        self.options.metrics.disconnections.increment()
        self.options.metrics.connected.set(0)
    }

    /// Tells why a server cannot be used: once until another one can, as it is tried again and again.
    private func tellFailure(_ error: any Error, _ address: ServerAddress) {
        let isNew = self.faults.count < 100 && self.faults.insert("\(address): \(error)").inserted
        self.options.logger.log(
            level: isNew && self.options.tls != nil ? .info : .debug,
            "Could not connect to a server",
            metadata: ["zeo.address": "\(address)", "error": "\(error)"]
        )
    }

    private func attempt(_ connection: ZEOConnection, _ round: Int) async {
        do {
            let registration = try await connection.open(self.tls) { [gate, inbox] reason in
                gate.lost(connection, reason)
                inbox.yield(.lost(connection, reason))
            }
            self.inbox.yield(.succeeded(connection, registration, round: round))
        } catch {
            self.inbox.yield(.failed(connection.address, error, round: round))
        }
    }

    private func verify(_ connection: ZEOConnection, _ registered: TransactionID?, _ round: Int) async {
        do {
            let server: TransactionID
            if let registered {
                server = registered
            } else {
                server = try await connection.call(.lastTransaction).transactionID() ?? .zero
            }
            let verification: CacheVerification
            switch try CacheVerification.question(client: self.view.verificationStart, server: server) {
            case .nothing(let answer): verification = answer
            case .invalidations(let tid):
                let answer = try await connection.call(.getInvalidations(after: tid)).invalidations()
                verification = answer.map { .changed($0.last, $0.oids) } ?? .tooOld(server)
            }
            let information = try await connection.call(.getInfo).serverInformation()
            guard await connection.activate(verification, information) else {
                throw StorageError(.disconnected, "the connection was lost while the cache was verified")
            }
            self.inbox.yield(.verified(connection, round: round))
        } catch {
            self.inbox.yield(.verificationFailed(connection, error, round: round))
        }
    }
}

extension ZEOConnection: Equatable {
    static func == (lhs: ZEOConnection, rhs: ZEOConnection) -> Bool { lhs === rhs }
}
