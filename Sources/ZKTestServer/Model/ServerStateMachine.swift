//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// A standalone ZooKeeper server without sockets and clocks: it is told what arrives and what time it is, and says what is to be sent.
///
/// Connections are numbers that the caller gives; one exists here from `greeted` until `disconnected`, or until the machine says `.close`.
/// Actions are to be performed in their order: the news of a change stands before the reply to who made it.
///
/// Invariants: every connection here has a living session, and a session at most one connection; every ephemeral node's session lives;
/// `zxid` never falls, and every write, failed or not, takes one.
struct ServerStateMachine {
    typealias ConnectionID = Int

    /// The rules that a server may set for itself; times in milliseconds.
    struct Rules {
        var tickTime: Int64
        var sessionTimeouts: ClosedRange<Int64>
        var allowsTimeToLive = false
    }

    /// A point in time, in milliseconds: for measuring, and for showing.
    struct Moment {
        var monotonic: Int64
        var wall: Int64
    }

    enum Action: Equatable {
        case send(Outgoing, to: ConnectionID)
        /// Close the connection after what was sent to it before. The machine has forgotten it already.
        case close(ConnectionID)
    }

    struct Connection {
        let session: Int64
        var identities: [Identity]
    }

    private let rules: Rules
    var tree = ZNodeTree()
    private(set) var sessions: SessionTable
    var watches = WatchTable()
    private(set) var zxid: Int64 = 0
    private(set) var connections: [ConnectionID: Connection] = [:]
    private var connectionOfSession: [Int64: ConnectionID] = [:]
    /// Whether a client that comes back is given a new session without a word.
    var swapsSessions = false

    init(rules: Rules, firstSessionID: Int64) {
        self.rules = rules
        self.sessions = SessionTable(
            firstID: firstSessionID,
            tickTime: rules.tickTime,
            timeouts: rules.sessionTimeouts
        )
    }

    func connection(of session: Int64) -> ConnectionID? { self.connectionOfSession[session] }

    // MARK: Connections

    /// A client has introduced itself. `password` is what a new session would get; `address` is the client's, without a port.
    mutating func greeted(
        _ greeting: Greeting,
        on connection: ConnectionID,
        address: String,
        password: [UInt8],
        at now: Moment
    ) -> [Action] {
        // It has seen a change that has not happened here: it belongs to another server.
        if greeting.lastZxidSeen > self.zxid { return [.close(connection)] }
        let session: SessionTable.Session
        var actions: [Action] = []
        if greeting.sessionID == 0 || self.swapsSessions {
            self.zxid += 1
            session = self.sessions.open(timeout: greeting.timeout, password: password, now: now.monotonic)
        } else if let resumed = self.sessions.resume(
            greeting.sessionID,
            password: greeting.password,
            timeout: greeting.timeout,
            now: now.monotonic
        ) {
            session = resumed
            if let former = self.connectionOfSession[resumed.id] { actions += self.drop(former) }
        } else {
            let refusal = Welcome(
                timeout: 0,
                sessionID: 0,
                password: [UInt8](repeating: 0, count: 16),
                hasReadOnlyByte: greeting.hasReadOnlyByte
            )
            return [.send(.welcome(refusal), to: connection), .close(connection)]
        }
        self.connections[connection] = Connection(
            session: session.id,
            identities: [Identity(scheme: "ip", id: address)]
        )
        self.connectionOfSession[session.id] = connection
        let welcome = Welcome(
            timeout: Int32(clamping: session.timeout),
            sessionID: session.id,
            password: session.password,
            hasReadOnlyByte: greeting.hasReadOnlyByte
        )
        return actions + [.send(.welcome(welcome), to: connection)]
    }

    /// The connection is gone; its session lives on.
    mutating func disconnected(_ connection: ConnectionID) {
        guard let known = self.connections.removeValue(forKey: connection) else { return }
        self.watches.removeAll(of: connection)
        if self.connectionOfSession[known.session] == connection { self.connectionOfSession[known.session] = nil }
    }

    /// Closes the connections of one session or of all.
    mutating func dropConnections(of session: Int64?) -> [Action] {
        self.connections.keys.sorted()
            .filter { session == nil || self.connections[$0]?.session == session }
            .flatMap { self.drop($0) }
    }

    private mutating func drop(_ connection: ConnectionID) -> [Action] {
        self.disconnected(connection)
        return [.close(connection)]
    }

    // MARK: Sessions and time

    /// Ends the sessions that were silent for too long.
    mutating func ticked(at now: Moment) -> [Action] {
        self.sessions.overdue(now: now.monotonic).flatMap { self.expire($0) }
    }

    /// Removes the containers that are used up and the limited nodes whose time is over.
    mutating func sweptContainers(at now: Moment) -> [Action] {
        self.tree.outlived(at: now.wall).flatMap { path in
            self.zxid += 1
            self.tree.remove(path, zxid: self.zxid)
            return self.news(of: .deleted(path))
        }
    }

    /// Ends a session as if its time were over: nobody is told why the connection closes.
    mutating func expire(_ session: Int64) -> [Action] {
        let actions = self.end(session)
        return actions + (self.connectionOfSession[session].map { self.drop($0) } ?? [])
    }

    /// The server was away for a while, and everybody keeps their session.
    mutating func resumed(at now: Moment) {
        self.sessions.touchAll(now: now.monotonic)
    }

    private mutating func end(_ session: Int64) -> [Action] {
        guard self.sessions.end(session) else { return [] }
        self.zxid += 1
        return self.tree.ephemerals(of: session).flatMap { path in
            self.tree.remove(path, zxid: self.zxid)
            return self.news(of: .deleted(path))
        }
    }

    // MARK: Requests

    /// A client asks for something.
    mutating func received(_ request: Request, on connection: ConnectionID, at now: Moment) -> [Action] {
        guard let caller = self.connections[connection] else { return [] }
        self.sessions.touch(caller.session, now: now.monotonic)
        var answer: (code: ZooKeeperCode, body: Reply.Body) = (.ok, .none)
        var actions: [Action] = []
        var closes = false
        do throws(ZooKeeperCode) {
            switch request.operation {
            case .write(let write):
                (actions, answer.body) = try self.write(write, by: caller, at: now)
            case .multi(let writes):
                (actions, answer.body) = self.writeAll(writes, by: caller, at: now)
            case .closeSession:
                actions = self.end(caller.session)
                closes = true
            case .authenticate(let scheme, let credential):
                // Answered beside the flow of transactions: its reply carries no zxid.
                let code = self.authenticate(scheme, credential, on: connection)
                let reply = Reply(xid: request.xid, zxid: 0, code: code)
                return [.send(.reply(reply), to: connection)] + (code == .ok ? [] : self.drop(connection))
            case .setWatches(let renewal):
                actions = self.renew(renewal, on: connection)
            case .unknown:
                closes = true
                throw .unimplemented
            case .malformed:
                // ZooKeeper says the same and goes on; here who sends nonsense is not listened to any longer.
                closes = true
                throw .marshallingError
            default:
                answer.body = try self.answer(request.operation, on: connection, caller)
            }
        } catch {
            answer = (error, .none)
        }
        let reply = Reply(xid: request.xid, zxid: self.zxid, code: answer.code, body: answer.body)
        actions.append(.send(.reply(reply), to: connection))
        return actions + (closes ? self.drop(connection) : [])
    }

    private mutating func write(
        _ write: Write,
        by caller: Connection,
        at now: Moment
    ) throws(ZooKeeperCode) -> ([Action], Reply.Body) {
        self.zxid += 1
        let effect = try self.tree.perform(write, on: self.occasion(of: caller, at: now))
        return (self.news(of: effect), self.body(for: effect))
    }

    /// All or nothing: what fails names its code, what stood before it says 0, what stood behind it "inconsistent".
    private mutating func writeAll(_ writes: [Write], by caller: Connection, at now: Moment) -> ([Action], Reply.Body) {
        self.zxid += 1
        var draft = self.tree
        var effects: [ZNodeTree.Effect] = []
        var results: [Reply.Result] = []
        for write in writes {
            do {
                let effect = try draft.perform(write, on: self.occasion(of: caller, at: now))
                effects.append(effect)
                results.append(Self.result(of: effect, in: draft))
            } catch {
                let before = [Reply.Result](repeating: .failed(.ok), count: effects.count)
                let behind = [Reply.Result](
                    repeating: .failed(.runtimeInconsistency),
                    count: writes.count - effects.count - 1
                )
                return ([], .results(before + [.failed(error)] + behind))
            }
        }
        self.tree = draft
        return (effects.flatMap { self.news(of: $0) }, .results(results))
    }

    private func occasion(of caller: Connection, at now: Moment) -> ZNodeTree.Occasion {
        ZNodeTree.Occasion(
            session: caller.session,
            identities: caller.identities,
            zxid: self.zxid,
            wallTime: now.wall,
            allowsTimeToLive: self.rules.allowsTimeToLive
        )
    }

    private mutating func news(of effect: ZNodeTree.Effect) -> [Action] {
        self.watches.events(for: effect).map { .send(.event($0.event), to: $0.watcher) }
    }

    private mutating func authenticate(
        _ scheme: String,
        _ credential: [UInt8],
        on connection: ConnectionID
    ) -> ZooKeeperCode {
        switch scheme {
        case "digest":
            let identity = Identity(digestOf: credential)
            if self.connections[connection]?.identities.contains(identity) == false {
                self.connections[connection]?.identities.append(identity)
            }
            return .ok
        case "ip":
            // Where a client is, is known already.
            return .ok
        default:
            return .authFailed
        }
    }
}
