//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import ZKTestServer

/// The whole server as a value: what is told to it, and what it says is to be sent.
@Suite struct ServerStateMachineTests {
    /// What `#expect` may ask to change.
    private final class Tested {
        var machine = ServerStateMachine(
            rules: .init(tickTime: 100, sessionTimeouts: 200...10_000, allowsTimeToLive: true),
            firstSessionID: 100
        )
    }

    private let tested = Tested()
    private var machine: ServerStateMachine {
        get { self.tested.machine }
        nonmutating _modify { yield &self.tested.machine }
    }

    private func tick(at time: Int64) -> [ServerStateMachine.Action] { self.machine.ticked(at: self.moment(time)) }

    private func sweep(at time: Int64) -> [ServerStateMachine.Action] {
        self.machine.sweptContainers(at: self.moment(time))
    }

    private func moment(_ milliseconds: Int64) -> ServerStateMachine.Moment {
        .init(monotonic: milliseconds, wall: 1_000_000 + milliseconds)
    }

    @discardableResult
    private func greet(
        _ connection: Int,
        session: Int64 = 0,
        password: [UInt8] = [],
        timeout: Int32 = 1000,
        at time: Int64 = 0
    ) -> [ServerStateMachine.Action] {
        self.machine.greeted(
            Greeting(
                lastZxidSeen: 0,
                timeout: timeout,
                sessionID: session,
                password: password,
                hasReadOnlyByte: true
            ),
            on: connection,
            address: "127.0.0.1",
            password: [UInt8(connection)],
            at: self.moment(time)
        )
    }

    private func ask(
        _ operation: Operation,
        on connection: Int,
        at time: Int64 = 0
    ) -> [ServerStateMachine.Action] {
        self.machine.received(Request(xid: 1, operation: operation), on: connection, at: self.moment(time))
    }

    private func create(_ path: ZNodePath, mode: Int32 = 0, on connection: Int, at time: Int64 = 0) {
        let creation = Creation(
            path: path,
            data: [],
            acl: ACLEntry.open,
            mode: mode,
            timeToLive: mode == 5 ? 500 : nil
        )
        _ = self.ask(.write(.create(creation)), on: connection, at: time)
    }

    private func reply(_ code: ZooKeeperCode = .ok, zxid: Int64, _ body: Reply.Body = .none) -> Outgoing {
        .reply(Reply(xid: 1, zxid: zxid, code: code, body: body))
    }

    private func event(_ kind: WatchEvent.Kind, _ path: ZNodePath) -> Outgoing {
        .event(WatchEvent(kind: kind, path: path))
    }

    @Test func theNewsGoesOutBeforeTheReply() {
        self.greet(1)
        self.greet(2)
        _ = self.ask(.read(.exists("/a", watch: true)), on: 1)
        _ = self.ask(.read(.children("/", watch: true, wantsStat: false)), on: 2)
        let creation = Creation(path: "/a", data: [], acl: ACLEntry.open, mode: 0)
        #expect(
            self.ask(.write(.create(creation)), on: 1) == [
                .send(self.event(.created, "/a"), to: 1),
                .send(self.event(.childrenChanged, "/"), to: 2),
                .send(self.reply(zxid: 3, .path("/a")), to: 1),
            ]
        )
    }

    @Test func aReturningClientTakesItsSessionFromTheOldConnection() {
        self.greet(1)
        let actions = self.greet(2, session: 100, password: [1])
        #expect(actions.first == .close(1))
        #expect(actions.count == 2)
        #expect(self.machine.connection(of: 100) == 2)
        // The late news that the old one is gone changes nothing.
        self.machine.disconnected(1)
        #expect(self.machine.connection(of: 100) == 2)
        #expect(self.ask(.ping, on: 1) == [])
    }

    @Test func aThiefIsSentAwayAndTheOwnerNotDisturbed() {
        self.greet(1)
        let actions = self.greet(2, session: 100, password: [9])
        #expect(actions.last == .close(2))
        #expect(self.machine.connection(of: 100) == 1)
        #expect(self.ask(.ping, on: 1) == [.send(self.reply(zxid: 1), to: 1)])
    }

    @Test func aSilentSessionEndsAndItsWatchersHear() {
        self.greet(1, timeout: 1000)
        self.greet(2, timeout: 10_000)
        self.create("/e", mode: 1, on: 1)
        _ = self.ask(.read(.data("/e", watch: true)), on: 2)
        #expect(self.tick(at: 1000) == [])
        #expect(
            self.tick(at: 1100) == [.send(self.event(.deleted, "/e"), to: 2), .close(1)]
        )
        #expect(self.machine.tree["/e"] == nil)
        #expect(self.machine.sessions.ids == [101])
    }

    @Test func anExpiredSessionWithoutAConnectionEndsToo() {
        self.greet(1)
        self.create("/e", mode: 1, on: 1)
        self.machine.disconnected(1)
        #expect(self.machine.tree["/e"] != nil)
        #expect(self.tick(at: 5000) == [])
        #expect(self.machine.tree["/e"] == nil)
    }

    @Test func afterAPauseOfTheServerSessionsHaveTheirWholeTimeAgain() {
        self.greet(1, timeout: 1000)
        self.machine.disconnected(1)
        self.machine.resumed(at: self.moment(50_000))
        #expect(self.tick(at: 51_000) == [])
        #expect(self.machine.sessions.ids == [100])
        #expect(self.tick(at: 51_100) == [])
        #expect(self.machine.sessions.ids == [])
    }

    @Test func anOldEndDoesNotTakeAnothersNode() {
        self.greet(1)
        self.greet(2)
        self.create("/e", mode: 1, on: 1)
        _ = self.ask(.write(.delete("/e", version: -1)), on: 2)
        self.create("/e", mode: 1, on: 2)
        _ = self.ask(.closeSession, on: 1)
        #expect(self.machine.tree["/e"]?.stat.ephemeralOwner == 101)
    }

    @Test func everyWriteTakesATransactionIDWhetherItSucceedsOrNot() {
        self.greet(1)
        #expect(self.ask(.write(.delete("/a", version: -1)), on: 1) == [.send(self.reply(.noNode, zxid: 2), to: 1)])
        #expect(self.ask(.read(.data("/a", watch: true)), on: 1) == [.send(self.reply(.noNode, zxid: 2), to: 1)])
        #expect(self.ask(.multi([]), on: 1) == [.send(self.reply(zxid: 3, .results([])), to: 1)])
        #expect(self.machine.watches.data.count == 0)
    }

    @Test func containersAndLimitedNodesGoWhenTheirTimeHasCome() {
        self.greet(1, timeout: 10_000)
        self.create("/c", mode: 4, on: 1)
        self.create("/used", mode: 4, on: 1)
        self.create("/used/a", on: 1)
        self.create("/t", mode: 5, on: 1)
        self.create("/t/a", on: 1)
        #expect(self.sweep(at: 1000) == [])
        _ = self.ask(.write(.delete("/used/a", version: -1)), on: 1)
        _ = self.ask(.write(.delete("/t/a", version: -1)), on: 1)
        _ = self.ask(.read(.exists("/used", watch: true)), on: 1)
        #expect(self.sweep(at: 400) == [.send(self.event(.deleted, "/used"), to: 1)])
        #expect(self.machine.tree["/t"]?.stat.ephemeralOwner == 0)
        #expect(self.sweep(at: 501) == [])
        #expect(self.machine.tree["/t"] == nil)
        #expect(self.machine.tree["/c"] != nil)
    }

    @Test func sequenceNumbersWrapAsInJava() {
        self.greet(1)
        var node = ZNode(data: nil, acl: ACLEntry.open)
        node.creations = .max
        self.machine.tree.insert(node, at: "/s")
        for expected in ["/s/n-2147483647", "/s/n--2147483648", "/s/n--2147483647"] {
            let creation = Creation(path: "/s/n-", data: nil, acl: ACLEntry.open, mode: 2)
            let actions = self.ask(.write(.create(creation)), on: 1)
            #expect(actions == [.send(self.reply(zxid: self.machine.zxid, .path(expected)), to: 1)])
        }
    }

    @Test func aClientOfAnotherServerIsSentAwayWithoutAWord() {
        let greeting = Greeting(lastZxidSeen: 5, timeout: 0, sessionID: 0, password: [], hasReadOnlyByte: false)
        let actions = self.machine.greeted(greeting, on: 1, address: "", password: [], at: self.moment(0))
        #expect(actions == [.close(1)])
        #expect(self.machine.sessions.count == 0)
    }

    @Test func failedAuthenticationClosesButKeepsTheSession() {
        self.greet(1)
        let actions = self.ask(.authenticate(scheme: "nonsense", credential: []), on: 1)
        #expect(actions == [.send(self.reply(.authFailed, zxid: 0), to: 1), .close(1)])
        #expect(self.machine.sessions.count == 1)
        #expect(self.machine.connections.isEmpty)
    }
}
