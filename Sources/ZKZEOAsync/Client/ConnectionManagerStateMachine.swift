//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// Which servers a client should try, when, and with which of them it is connected.
///
/// Driven by `ConnectionManager` with what happens; says what to do. All usable addresses are tried at once, as one
/// *round*; the first server that takes the client wins, and the others are let go. A server that takes it only for
/// reading has to wait a moment for one that can be written to. A round in which all fail is followed by a pause, longer
/// each time. A change of the addresses ends a round or a pause at once.
///
/// A connection that works is left only for a better one: when it can only be read and that was not wished for, or when
/// its address has been unknown for longer than `UsableAddresses` keeps it and others are known. Never connects, waits
/// or draws random numbers itself.
struct ConnectionManagerStateMachine<Connection: Equatable> {
    /// What the client has got.
    struct Success: Equatable {
        var connection: Connection
        var address: ServerAddress
        /// Whether the server takes the client only for reading, though it would rather write.
        var isFallback = false
    }

    /// The search for a better server than the one that works.
    enum Search: Equatable {
        case none
        case attempting(round: Int, underWay: Int)
        case resting(round: Int)
    }

    enum State: Equatable {
        /// No address is known. Next: attempting, stopped.
        case idle
        /// Servers are being tried; one may have taken the client for reading. Next: verifying, resting, attempting,
        /// idle, stopped.
        case attempting(round: Int, underWay: Int, fallback: Success?)
        /// A server has taken the client, and the cache is being verified. Next: connected, resting, stopped.
        case verifying(Success, round: Int)
        /// A connection works. Next: verifying, attempting, resting, idle, stopped.
        case connected(Success, Search)
        /// A pause before the next round. Next: attempting, idle, stopped.
        case resting(round: Int)
        case stopped
    }

    enum Action: Equatable {
        /// Try these servers; report each result with the number of the round.
        case attempt([ServerAddress], round: Int, ServerDemand)
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
        /// Report when servers that can be written to have been waited for long enough.
        case wait(round: Int, Duration)
        /// Report when the time is over for which an address is kept that has been removed.
        case keep(ServerAddress, removal: Int, Duration)
    }

    private(set) var state = State.idle
    private var addresses: UsableAddresses
    private var round = 0
    private var failures = 0
    private let backoff: Backoff
    /// A connection that lasted less than this counts as a failure, lest a server that drops its clients be hammered.
    private let probation: Duration
    /// How long a server that can only be read waits for one that can be written to.
    private let patience: Duration

    init(
        backoff: Backoff = Backoff(),
        probation: Duration = .seconds(1),
        patience: Duration = .milliseconds(500),
        keepingRemovedFor grace: Duration? = nil
    ) {
        self.backoff = backoff
        self.probation = probation
        self.patience = patience
        self.addresses = UsableAddresses(keepingRemovedFor: grace)
    }

    // MARK: Addresses

    /// The addresses are now these.
    mutating func addressesChanged(_ addresses: [ServerAddress]) -> [Action] {
        if case .stopped = self.state { return [] }
        let change = self.addresses.changed(to: addresses)
        let kept = change.removed.map { Action.keep($0.address, removal: $0.removal, $0.grace) }
        guard change.isWorthATry else { return kept }
        switch self.state {
        case .idle, .resting:
            self.failures = 0
            return kept + self.begin()
        case .attempting(let round, _, nil):
            self.failures = 0
            return kept + [.cancelAttempts(round: round)] + self.begin()
        case .connected(let success, let search):
            guard self.wantsBetter(than: success) else { return kept }
            self.failures = 0
            var actions = kept
            if case .attempting(let round, _) = search { actions.append(.cancelAttempts(round: round)) }
            return actions + self.searchBetter(than: success)
        case .attempting, .verifying, .stopped: return kept
        }
    }

    /// The time is over for which a removed address was kept.
    mutating func keptLongEnough(_ address: ServerAddress, removal: Int) -> [Action] {
        guard self.addresses.forget(address, removal: removal) else { return [] }
        guard case .connected(let success, .none) = self.state, self.wantsBetter(than: success) else { return [] }
        self.failures = 0
        return self.searchBetter(than: success)
    }

    // MARK: Attempts

    /// A server has taken the client.
    mutating func succeeded(_ success: Success, round: Int) -> [Action] {
        switch self.state {
        case .attempting(round, let underWay, nil) where success.isFallback && underWay > 1:
            self.state = .attempting(round: round, underWay: underWay - 1, fallback: success)
            return [.wait(round: round, self.patience)]
        case .attempting(round, let underWay, let fallback?) where success.isFallback:
            if underWay > 1 {
                self.state = .attempting(round: round, underWay: underWay - 1, fallback: fallback)
                return [.close(success.connection)]
            }
            return [.close(success.connection)] + self.take(fallback, round)
        case .attempting(round, _, let fallback):
            return (fallback.map { [.close($0.connection)] } ?? []) + self.take(success, round)
        case .connected(let current, .attempting(round, _)):
            return [.close(current.connection)] + self.take(success, round)
        default: return [.close(success.connection)]
        }
    }

    /// An attempt has failed.
    mutating func failed(round: Int, jitter: Double) -> [Action] {
        switch self.state {
        case .attempting(round, let underWay, let fallback) where underWay > 1:
            self.state = .attempting(round: round, underWay: underWay - 1, fallback: fallback)
            return []
        case .attempting(round, _, let fallback?): return self.take(fallback, round)
        case .attempting(round, _, nil): return self.rest(jitter)
        case .connected(let success, .attempting(round, let underWay)):
            guard underWay > 1 else { return self.restBeforeSearch(success, jitter) }
            self.state = .connected(success, .attempting(round: round, underWay: underWay - 1))
            return []
        default: return []
        }
    }

    /// Servers that can be written to have been waited for long enough.
    mutating func waitedLongEnough(round: Int) -> [Action] {
        guard case .attempting(round, _, let fallback?) = self.state else { return [] }
        return self.take(fallback, round)
    }

    private mutating func take(_ success: Success, _ round: Int) -> [Action] {
        self.state = .verifying(success, round: round)
        return [.cancelAttempts(round: round), .verify(success.connection, round: round)]
    }

    // MARK: The connection

    /// The cache has been verified, so the connection is good.
    mutating func verified(_ connection: Connection, round: Int, jitter: Double) -> [Action] {
        guard case .verifying(let success, round) = self.state, success.connection == connection else {
            return [.close(connection)]
        }
        self.state = .connected(success, .none)
        guard self.wantsBetter(than: success) else { return [.open(connection)] }
        return [.open(connection)] + self.restBeforeSearch(success, jitter)
    }

    /// The cache could not be verified, so the connection is of no use.
    mutating func verificationFailed(_ connection: Connection, round: Int, jitter: Double) -> [Action] {
        guard case .verifying(let success, round) = self.state, success.connection == connection else {
            return [.close(connection)]
        }
        return [.close(connection)] + self.rest(jitter)
    }

    /// A connection is gone, after it had worked for a while or while it waited to be used.
    mutating func lost(_ connection: Connection, lasted: Duration, jitter: Double) -> [Action] {
        switch self.state {
        case .attempting(let round, let underWay, let fallback?) where fallback.connection == connection:
            self.state = .attempting(round: round, underWay: underWay, fallback: nil)
            return []
        case .connected(let success, let search) where success.connection == connection:
            var actions: [Action] = []
            if case .attempting(let round, _) = search { actions.append(.cancelAttempts(round: round)) }
            guard lasted < self.probation else {
                self.failures = 0
                return actions + self.begin()
            }
            return actions + self.rest(jitter)
        default: return []
        }
    }

    /// The pause is over.
    mutating func rested(round: Int) -> [Action] {
        switch self.state {
        case .resting(round): return self.begin()
        case .connected(let success, .resting(round)): return self.searchBetter(than: success)
        default: return []
        }
    }

    /// The client is being closed.
    mutating func stop() -> [Action] {
        defer { self.state = .stopped }
        switch self.state {
        case .attempting(let round, _, let fallback):
            return (fallback.map { [.close($0.connection)] } ?? []) + [.cancelAttempts(round: round)]
        case .connected(let success, .attempting(let round, _)):
            return [.cancelAttempts(round: round), .close(success.connection)]
        case .verifying(let success, _), .connected(let success, _): return [.close(success.connection)]
        case .idle, .resting, .stopped: return []
        }
    }

    // MARK: Rounds

    private mutating func begin() -> [Action] {
        let addresses = self.addresses.usable
        guard !addresses.isEmpty else {
            self.state = .idle
            return []
        }
        self.round += 1
        self.state = .attempting(round: self.round, underWay: addresses.count, fallback: nil)
        return [.attempt(addresses, round: self.round, .asWished)]
    }

    private mutating func rest(_ jitter: Double) -> [Action] {
        guard !self.addresses.usable.isEmpty else {
            self.state = .idle
            return []
        }
        self.round += 1
        self.state = .resting(round: self.round)
        return [.rest(round: self.round, self.delay(jitter))]
    }

    private mutating func delay(_ jitter: Double) -> Duration {
        self.failures += 1
        return self.backoff.delay(afterFailures: self.failures, jitter: jitter)
    }

    private func wantsBetter(than success: Success) -> Bool {
        success.isFallback || self.addresses.hasLeft(success.address)
    }

    private mutating func searchBetter(than success: Success) -> [Action] {
        let addresses = self.addresses.usable
        guard self.wantsBetter(than: success), !addresses.isEmpty else {
            self.state = .connected(success, .none)
            return []
        }
        self.round += 1
        self.state = .connected(success, .attempting(round: self.round, underWay: addresses.count))
        // A server that has left is left for any other.
        let demand = self.addresses.hasLeft(success.address) ? ServerDemand.asWished : .writable
        return [.attempt(addresses, round: self.round, demand)]
    }

    private mutating func restBeforeSearch(_ success: Success, _ jitter: Double) -> [Action] {
        self.round += 1
        self.state = .connected(success, .resting(round: self.round))
        return [.rest(round: self.round, self.delay(jitter))]
    }
}

extension ConnectionManagerStateMachine.Action: Sendable where Connection: Sendable {}
extension ConnectionManagerStateMachine.Success: Sendable where Connection: Sendable {}
