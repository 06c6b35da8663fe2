//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// Which servers a client should try, when, and with which of them it is connected.
///
/// Driven by `ConnectionManager` with what happens; says what to do. All known addresses are tried at once, as one
/// *round*; the first server that takes the client wins, and the others are let go. A round in which all fail is followed
/// by a pause, longer each time. A change of the addresses ends a round or a pause at once, but never a connection that
/// works. Never connects, waits or draws random numbers itself.
struct ConnectionManagerStateMachine<Connection: Equatable> {
    private enum State: Equatable {
        /// No address is known. Next: attempting, stopped.
        case idle
        /// Servers are being tried. Next: verifying, resting, attempting, idle, stopped.
        case attempting(round: Int, underWay: Int)
        /// A server has taken the client, and the cache is being verified. Next: connected, resting, stopped.
        case verifying(Connection, round: Int)
        /// A connection works. Next: attempting, resting, idle, stopped.
        case connected(Connection)
        /// A pause before the next round. Next: attempting, idle, stopped.
        case resting(round: Int)
        case stopped
    }

    enum Action: Equatable {
        /// Try these servers; report each result with the number of the round.
        case attempt([ServiceAddress], round: Int)
        /// Give up the attempts of a round.
        case cancelAttempts(round: Int)
        /// Find out what has changed since the last connection, then begin to work.
        case verify(Connection, round: Int)
        /// Let calls through.
        case open(Connection)
        /// Nobody needs this connection.
        case close(Connection)
        /// Report when the pause is over.
        case rest(round: Int, Duration)
    }

    private var state = State.idle
    private var addresses: [ServiceAddress] = []
    private var round = 0
    private var failures = 0
    private let backoff: Backoff
    /// A connection that lasted less than this counts as a failure, lest a server that drops its clients be hammered.
    private let probation: Duration

    init(backoff: Backoff = Backoff(), probation: Duration = .seconds(1)) {
        self.backoff = backoff
        self.probation = probation
    }

    /// The addresses are now these.
    mutating func addressesChanged(_ addresses: [ServiceAddress]) -> [Action] {
        guard addresses != self.addresses else { return [] }
        self.addresses = addresses
        switch self.state {
        case .idle, .resting:
            self.failures = 0
            return self.begin()
        case .attempting(let round, _):
            self.failures = 0
            return [.cancelAttempts(round: round)] + self.begin()
        case .verifying, .connected, .stopped: return []
        }
    }

    /// A server has taken the client.
    mutating func succeeded(_ connection: Connection, round: Int) -> [Action] {
        guard case .attempting(round, _) = self.state else { return [.close(connection)] }
        self.state = .verifying(connection, round: round)
        return [.cancelAttempts(round: round), .verify(connection, round: round)]
    }

    /// An attempt has failed.
    mutating func failed(round: Int, jitter: Double) -> [Action] {
        guard case .attempting(round, let underWay) = self.state else { return [] }
        if underWay > 1 {
            self.state = .attempting(round: round, underWay: underWay - 1)
            return []
        }
        return self.rest(jitter)
    }

    /// The cache has been verified, so the connection is good.
    mutating func verified(_ connection: Connection, round: Int) -> [Action] {
        guard case .verifying(connection, round) = self.state else { return [.close(connection)] }
        self.state = .connected(connection)
        return [.open(connection)]
    }

    /// The cache could not be verified, so the connection is of no use.
    mutating func verificationFailed(_ connection: Connection, round: Int, jitter: Double) -> [Action] {
        guard case .verifying(connection, round) = self.state else { return [.close(connection)] }
        return [.close(connection)] + self.rest(jitter)
    }

    /// A connection is gone, after it had worked for a while.
    mutating func lost(_ connection: Connection, lasted: Duration, jitter: Double) -> [Action] {
        guard case .connected(connection) = self.state else { return [] }
        guard lasted < self.probation else {
            self.failures = 0
            return self.begin()
        }
        return self.rest(jitter)
    }

    /// The pause is over.
    mutating func rested(round: Int) -> [Action] {
        guard case .resting(round) = self.state else { return [] }
        return self.begin()
    }

    /// The client is being closed.
    mutating func stop() -> [Action] {
        defer { self.state = .stopped }
        switch self.state {
        case .attempting(let round, _): return [.cancelAttempts(round: round)]
        case .verifying(let connection, _), .connected(let connection): return [.close(connection)]
        case .idle, .resting, .stopped: return []
        }
    }

    private mutating func begin() -> [Action] {
        guard !self.addresses.isEmpty else {
            self.state = .idle
            return []
        }
        self.round += 1
        self.state = .attempting(round: self.round, underWay: self.addresses.count)
        return [.attempt(self.addresses, round: self.round)]
    }

    private mutating func rest(_ jitter: Double) -> [Action] {
        guard !self.addresses.isEmpty else {
            self.state = .idle
            return []
        }
        self.failures += 1
        self.round += 1
        self.state = .resting(round: self.round)
        return [.rest(round: self.round, self.backoff.delay(afterFailures: self.failures, jitter: jitter))]
    }
}

extension ConnectionManagerStateMachine.Action: Sendable where Connection: Sendable {}
