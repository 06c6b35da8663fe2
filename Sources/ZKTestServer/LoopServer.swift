//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import NIOPosix

/// The server on its event loop: it performs what the state machine decides.
///
/// One event loop carries the listening socket, all connections and the clock, so that everything here has one order and needs no lock.
/// Invariant: `handlers` holds the connections that are open; `machine` knows those of them that have introduced themselves.
final class LoopServer {
    let loop: any EventLoop
    let logger: Logger
    let configuration: ZKTestServer.Configuration
    private(set) var machine: ServerStateMachine
    private var handlers: [Int: ConnectionHandler] = [:]
    private var channels: [Int: any Channel] = [:]
    private var nextID = 0
    private var clocks: [RepeatedTask] = []
    private var received = 0
    private var sent = 0
    /// Where it listens; nil while it is stopped.
    var listener: (any Channel)?
    /// The port to come back to.
    var port: Int
    /// Whether new connections are closed as soon as they are made.
    var refusesConnections = false
    /// How long everything that is sent is kept back.
    var delay = TimeAmount.zero

    init(configuration: ZKTestServer.Configuration, loop: any EventLoop, logger: Logger) {
        self.loop = loop
        self.logger = logger
        self.configuration = configuration
        self.port = configuration.port
        // As ZooKeeper makes them: the time in the middle, room for counting at the end. Two servers of one moment differ by chance.
        let firstSession = (wallClockMilliseconds() << 16) & 0x00ff_ffff_ffff_0000 | Int64.random(in: 1...0x7fff)
        self.machine = ServerStateMachine(rules: configuration.rules, firstSessionID: firstSession)
    }

    var now: ServerStateMachine.Moment {
        .init(
            monotonic: Int64(NIODeadline.now().uptimeNanoseconds / 1_000_000),
            wall: wallClockMilliseconds()
        )
    }

    // MARK: Connections

    /// Takes a new connection, or refuses it.
    func accepted(_ channel: any Channel) throws {
        guard !self.refusesConnections, self.listener != nil else {
            channel.close(promise: nil)
            return
        }
        self.nextID += 1
        let handler = ConnectionHandler(id: self.nextID, server: self)
        self.handlers[handler.id] = handler
        self.channels[handler.id] = channel
        try channel.pipeline.syncOperations.addHandler(handler)
    }

    func disconnected(_ handler: ConnectionHandler) {
        guard self.handlers.removeValue(forKey: handler.id) != nil else { return }
        self.channels[handler.id] = nil
        self.received += handler.received
        self.sent += handler.sent
        self.machine.disconnected(handler.id)
    }

    func greeted(_ greeting: Greeting, by handler: ConnectionHandler) {
        let password = (0..<16).map { _ in UInt8.random(in: 0...255) }
        self.perform(
            self.machine.greeted(
                greeting,
                on: handler.id,
                address: handler.address,
                password: password,
                at: self.now
            )
        )
    }

    func received(_ request: Request, from handler: ConnectionHandler) {
        self.perform(self.machine.received(request, on: handler.id, at: self.now))
    }

    /// Asks the machine for something and does what it says.
    func change(_ decide: (inout ServerStateMachine) -> [ServerStateMachine.Action]) {
        self.perform(decide(&self.machine))
    }

    private func perform(_ actions: [ServerStateMachine.Action]) {
        var written: [ConnectionHandler] = []
        for action in actions {
            switch action {
            case .send(let outgoing, let id):
                guard let handler = self.handlers[id] else { continue }
                if case .welcome(let welcome) = outgoing { self.log(welcome, to: handler) }
                handler.send(outgoing)
                written.append(handler)
            case .close(let id):
                self.handlers[id]?.close()
            }
        }
        for handler in written { handler.flush() }
    }

    private func log(_ welcome: Welcome, to handler: ConnectionHandler) {
        self.logger.debug(
            welcome.sessionID == 0 ? "A client came back too late" : "A client has a session",
            metadata: [
                "zk.client": "\(handler.addressWithPort)",
                "zk.session.id": "0x\(String(welcome.sessionID, radix: 16))",
            ]
        )
    }

    // MARK: Starting and stopping

    /// Lets time pass for sessions and short-lived nodes.
    func startClocks() {
        let tick = TimeAmount(self.configuration.tickTime)
        let sweep = TimeAmount(self.configuration.containerCheckInterval)
        let bound = NIOLoopBound(self, eventLoop: self.loop)
        self.clocks = [
            self.loop.scheduleRepeatedTask(initialDelay: tick, delay: tick) { _ in
                bound.value.change { $0.ticked(at: bound.value.now) }
            },
            self.loop.scheduleRepeatedTask(initialDelay: sweep, delay: sweep) { _ in
                bound.value.change { $0.sweptContainers(at: bound.value.now) }
            },
        ]
    }

    /// Stops clocks, listener and connections; the future is done when all are closed.
    func stop() -> EventLoopFuture<Void> {
        for clock in self.clocks { clock.cancel() }
        self.clocks = []
        let open = Array(self.channels.values) + (self.listener.map { [$0] } ?? [])
        self.listener = nil
        for channel in open { channel.close(promise: nil) }
        return EventLoopFuture.andAllComplete(open.map(\.closeFuture), on: self.loop)
    }

    // MARK: Answers

    func answer(to word: FourLetterWord) -> String {
        let clients = self.handlers.values.sorted { $0.id < $1.id }.map { handler in
            FourLetterWord.Facts.Client(
                address: handler.addressWithPort,
                session: self.machine.connections[handler.id]?.session,
                received: handler.received,
                sent: handler.sent
            )
        }
        let rules = self.configuration.rules
        return word.answer(
            .init(
                port: self.port,
                tickTime: rules.tickTime,
                sessionTimeouts: rules.sessionTimeouts,
                clients: clients,
                received: self.received + clients.reduce(0) { $0 + $1.received },
                sent: self.sent + clients.reduce(0) { $0 + $1.sent },
                zxid: self.machine.zxid,
                nodes: self.machine.tree.count,
                ephemerals: self.machine.tree.ephemeralCount,
                watches: self.machine.watches.data.count + self.machine.watches.children.count,
                dataSize: self.machine.tree.approximateSize,
                sessions: self.machine.sessions.count
            )
        )
    }
}
