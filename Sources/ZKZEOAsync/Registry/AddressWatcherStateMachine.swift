//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// When to read the addresses again, and which of them are news.
///
/// Driven by `AddressWatcher`. Every reading sets its watches before it reads, so a change after it is told; when one is
/// told, all is read again. What was read last stays true for the subscribers until something else has been read: neither a
/// broken connection nor the end of a session takes an address away.
struct AddressWatcherStateMachine: Sendable {
    /// What the watcher is doing.
    enum State: Hashable, Sendable {
        /// There is no session. Next: reading.
        case waiting
        /// A reading is under way. Next: holding, pausing, reading.
        case reading(Int64)
        /// All is read. Next: reading.
        case holding(Int64)
        /// A reading failed. Next: reading.
        case pausing(Int64, attempt: Int)
        /// No more.
        case ended
    }

    /// What there is to do.
    enum Action: Hashable, Sendable {
        case none
        /// Follow the links, and list the children, all with watches.
        case read
        /// Tell the subscribers, then wait for a watch, or for a long while.
        case publishAndHold(AddressSet)
        /// Wait for a watch, or for a long while.
        case hold
        /// Read again after a while.
        case pause(attempt: Int, ZooKeeperError)
        /// The same; and say so, once, because it may be for people to mend.
        case warnAndPause(attempt: Int, ZooKeeperError)
        /// End.
        case finish
    }

    private(set) var state = State.waiting
    private var published: AddressSet?
    private var failures = 0
    /// The errors that have been said since the last reading that succeeded.
    private var warned: Set<ZooKeeperError.Code> = []

    init() {}

    /// The session in which the reading under way runs.
    var session: Int64? {
        switch self.state {
        case .reading(let id), .holding(let id), .pausing(let id, _): id
        case .waiting, .ended: nil
        }
    }

    /// There is a connection.
    mutating func connected(_ id: Int64) -> Action {
        switch self.state {
        case .waiting, .pausing:
            return self.read(id)
        case .reading(let current), .holding(let current):
            // In the same session the watches live, and tell what was missed.
            return current == id ? .none : self.read(id)
        case .ended:
            return .none
        }
    }

    /// The connection broke. What was read stays.
    mutating func suspended() -> Action { .none }

    /// The session is over, and the watches with it. What was read stays until it has been read again.
    mutating func expired() -> Action {
        switch self.state {
        case .waiting, .ended: break
        case .reading, .holding, .pausing: self.state = .waiting
        }
        return .none
    }

    /// The reading under way ended.
    mutating func didRead(in id: Int64, _ result: Result<AddressSet, ZooKeeperError>) -> Action {
        guard case .reading(id) = self.state else { return .none }
        switch result {
        case .success(let set):
            self.failures = 0
            self.warned = []
            self.state = .holding(id)
            if set == self.published { return .hold }
            self.published = set
            return .publishAndHold(set)
        case .failure(let error):
            self.failures += 1
            self.state = .pausing(id, attempt: self.failures)
            if !error.isTroubleWithConnections && self.warned.insert(error.code).inserted {
                return .warnAndPause(attempt: self.failures, error)
            }
            return .pause(attempt: self.failures, error)
        }
    }

    /// One of the watches fired.
    mutating func watchFired() -> Action {
        switch self.state {
        case .holding(let id): self.read(id)
        case .waiting, .reading, .pausing, .ended: .none
        }
    }

    /// The time of the last pause or hold is over.
    mutating func timerFired() -> Action {
        switch self.state {
        case .holding(let id), .pausing(let id, _): self.read(id)
        case .waiting, .reading, .ended: .none
        }
    }

    /// The watcher, or the session for good, ends.
    mutating func stop() -> Action {
        guard self.state != .ended else { return .none }
        self.state = .ended
        return .finish
    }

    private mutating func read(_ id: Int64) -> Action {
        self.state = .reading(id)
        return .read
    }
}
