//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// What can go wrong, on demand; and a look inside.
extension ZKTestServer {
    /// The ids of all living sessions, in the order in which they were made.
    public func sessionIDs() async -> [Int64] {
        await self.onLoop { $0.machine.sessions.ids }
    }

    /// Ends a session as if its client had been silent for too long: its ephemeral nodes vanish and its connection closes.
    public func expireSession(_ id: Int64) async {
        await self.onLoop { server in server.change { $0.expire(id) } }
    }

    /// Closes the TCP connection of one session, or all; the sessions live on.
    public func dropConnections(of sessionID: Int64? = nil) async {
        await self.onLoop { server in server.change { $0.dropConnections(of: sessionID) } }
    }

    /// Closes every new connection as soon as it is made, until told otherwise. Those that exist stay.
    public func refuseConnections(_ refuse: Bool) async {
        await self.onLoop { $0.refusesConnections = refuse }
    }

    /// Keeps back everything that is sent for a while, in its order; `.zero` ends it.
    public func delayReplies(by delay: Duration) async {
        await self.onLoop { $0.delay = TimeAmount(delay) }
    }

    /// Gives every client that comes back for its session a new one instead, without a word, until told otherwise. The old session lives
    /// until its time is over.
    public func swapSessions(_ swap: Bool) async {
        await self.onLoop { server in
            server.change {
                $0.swapsSessions = swap
                return []
            }
        }
    }

    /// Closes the port and all connections. The tree stays for ``restart()``; so do the sessions, whose time stands still, or they end and
    /// their ephemeral nodes vanish.
    public func stop(keepingSessions: Bool) async throws {
        try await self.halt(keepingSessions: keepingSessions)
    }

    /// Serves again at the same port after ``stop(keepingSessions:)``. Sessions that were kept have their whole time again.
    ///
    /// Throws what the system says when somebody else has taken the port meanwhile.
    public func restart() async throws {
        try await self.resume()
    }

    /// The tree below a node as `zc.zk` prints it: a line a node, below it its properties, indented.
    public func printTree(_ path: String = "/") async -> String {
        await self.onLoop { TreeText.text(of: $0.machine.tree, at: ZNodePath(path)) }
    }
}
