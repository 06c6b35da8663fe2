//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Logging
import Synchronization
import ZODBFormat

/// The connections that wait for their next use, with the objects that they have loaded, and how many are in use.
///
/// Only connections whose objects nobody can hold any more come here: see `Database.withConnection(_:)`.
///
/// Guarded by `state`: the connections that wait, and the number of those that are open.
final class ConnectionPool: Sendable {
    /// A connection on its way to its next user. Sendable because nobody else holds it, nor any object of it.
    struct Handover: @unchecked Sendable {
        let connection: Connection
    }

    private struct Idle {
        let handover: Handover
        let moment: TransactionID?
        let since: ContinuousClock.Instant
    }

    private struct State {
        var idle: [Idle] = []
        var openCount = 0
        var isClosed = false
    }

    private let state = Mutex(State())
    private let size: Int
    private let timeout: Duration?
    private let logger: Logger

    init(size: Int, timeout: Duration?, logger: Logger) {
        self.size = size
        self.timeout = timeout
        self.logger = logger
    }

    /// How many connections are in use, and how many wait.
    var counts: (open: Int, idle: Int) { self.state.withLock { ($0.openCount, $0.idle.count) } }

    /// The connection to a moment (`nil` for the present) that was used last, which is in use from now on.
    func take(_ moment: TransactionID?, now: ContinuousClock.Instant) -> Handover? {
        let (taken, outdated) = self.state.withLock { state -> (Handover?, [Idle]) in
            let outdated = self.removeOutdated(&state, now)
            guard let index = state.idle.lastIndex(where: { $0.moment == moment }) else { return (nil, outdated) }
            state.openCount += 1
            return (state.idle.remove(at: index).handover, outdated)
        }
        self.close(outdated)
        return taken
    }

    /// A connection has been made, and is in use.
    func didOpen() {
        let count = self.state.withLock { state in
            state.openCount += 1
            return state.openCount
        }
        guard count > self.size else { return }
        self.logger.log(
            level: count > 2 * self.size ? .critical : .warning,
            "more connections are open than the pool is meant for",
            metadata: ["zodb.connections": "\(count)", "zodb.pool.size": "\(self.size)"]
        )
    }

    /// A connection has been closed, and is in use no more.
    func didClose() {
        self.state.withLock { $0.openCount -= 1 }
    }

    /// A connection is in use no more, and waits for its next use. Those that have waited longest give way to it.
    func put(_ handover: Handover, _ moment: TransactionID?, now: ContinuousClock.Instant) {
        let outdated = self.state.withLock { state -> [Idle] in
            state.openCount -= 1
            guard !state.isClosed else { return [Idle(handover: handover, moment: moment, since: now)] }
            var outdated = self.removeOutdated(&state, now)
            state.idle.append(Idle(handover: handover, moment: moment, since: now))
            while state.idle.count(where: { $0.moment == moment }) > max(self.size, 0),
                let oldest = state.idle.firstIndex(where: { $0.moment == moment })
            {
                outdated.append(state.idle.remove(at: oldest))
            }
            return outdated
        }
        self.close(outdated)
    }

    /// Closes the connections that wait, and all that will come.
    func closeAll() {
        let idle = self.state.withLock { state in
            defer { state.idle = [] }
            state.isClosed = true
            return state.idle
        }
        self.close(idle)
    }

    private func removeOutdated(_ state: inout State, _ now: ContinuousClock.Instant) -> [Idle] {
        guard let timeout else { return [] }
        // They stand in the order in which they came.
        let count = state.idle.prefix { $0.since + timeout < now }.count
        defer { state.idle.removeFirst(count) }
        return Array(state.idle.prefix(count))
    }

    private func close(_ connections: [Idle]) {
        for idle in connections { idle.handover.connection.discard() }
    }
}
