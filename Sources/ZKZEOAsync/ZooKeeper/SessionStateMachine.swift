//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// What a session is doing, and what follows from what happens to it.
///
/// The states: idle → opening → connecting → connected ⇄ suspended → replacing → opening …; any of them → closing →
/// closed. A handle of libzookeeper exists from the end of `opening` until `handleClosed`. Driven by `ZooKeeperSession`,
/// one event after the other in the order of the handle's inbox. It never waits, and knows no handle, clock or task.
struct SessionStateMachine: Sendable {
    /// Where a session is.
    enum State: Hashable, Sendable {
        /// `run()` has not been called.
        case idle
        /// A handle is being made. `attempt` counts failures since the last success.
        case opening(attempt: Int)
        /// There is a handle, which has not been connected yet.
        case connecting
        /// There is a connection.
        case connected(sessionID: Int64)
        /// The connection broke; the session may live on.
        case suspended(sessionID: Int64)
        /// The session is over; its handle is being closed, then another is made.
        case replacing
        /// The handle is being closed for good.
        case closing(ZooKeeperError?)
        /// All has ended.
        case closed
    }

    /// What the connection of a handle is, in the words of libzookeeper.
    enum ConnectionState: Hashable, Sendable {
        case connected(sessionID: Int64)
        case connecting
        case expired
        case authFailed
    }

    /// What is to be done, in this order.
    enum Action: Hashable, Sendable {
        /// Make a handle; before the first attempt after a failure, wait.
        case open(attempt: Int)
        /// Tell the subscribers.
        case publish(SessionEvent)
        /// Close the handle, then report `handleClosed`.
        case closeHandle
        /// Fail every request that has not been answered, with this code, and end all watches.
        case sweep(ZooKeeperError.Code)
        /// End `run()`, with that error or without one.
        case finish(ZooKeeperError?)
    }

    private(set) var state = State.idle

    init() {}

    /// The session that there is a connection for.
    var connectedSessionID: Int64? {
        if case .connected(let id) = self.state { id } else { nil }
    }

    /// Why a request cannot be sent now; nil when it can.
    var refusal: ZooKeeperError.Code? {
        switch self.state {
        case .idle: .notRunning
        case .opening: .connectionLoss
        case .connecting, .connected, .suspended: nil
        case .replacing: .sessionExpired
        case .closing, .closed: .sessionClosed
        }
    }

    /// `run()` was called.
    mutating func runCalled() throws(ZooKeeperError) -> [Action] {
        switch self.state {
        case .idle:
            self.state = .opening(attempt: 0)
            return [.open(attempt: 0)]
        case .closed:
            throw ZooKeeperError(.sessionClosed)
        case .opening, .connecting, .connected, .suspended, .replacing, .closing:
            throw ZooKeeperError(.alreadyRunning)
        }
    }

    /// Somebody wants the session to end.
    mutating func stopRequested() -> [Action] {
        switch self.state {
        case .idle:
            self.state = .closed
            return [.publish(.closed)]
        case .opening:
            // Perhaps a handle is being made just now; `opened` or `openFailed` will find out.
            self.state = .closing(nil)
            return []
        case .connecting, .connected, .suspended:
            self.state = .closing(nil)
            return [.closeHandle]
        case .replacing:
            self.state = .closing(nil)
            return []
        case .closing, .closed:
            return []
        }
    }

    /// A handle was made.
    mutating func opened() -> [Action] {
        switch self.state {
        case .opening:
            self.state = .connecting
            return []
        case .closing:
            return [.closeHandle]
        case .idle, .connecting, .connected, .suspended, .replacing, .closed:
            preconditionFailure("a handle is made in the state opening, which only a stop can have ended")
        }
    }

    /// No handle could be made.
    mutating func openFailed() -> [Action] {
        switch self.state {
        case .opening(let attempt):
            self.state = .opening(attempt: attempt + 1)
            return [.open(attempt: attempt + 1)]
        case .closing(let error):
            self.state = .closed
            return [.publish(.closed), .finish(error)]
        case .idle, .connecting, .connected, .suspended, .replacing, .closed:
            preconditionFailure("a handle is made in the state opening, which only a stop can have ended")
        }
    }

    /// The connection of the handle changed.
    mutating func connectionChanged(_ connection: ConnectionState) -> [Action] {
        switch (self.state, connection) {
        case (.connecting, .connected(let id)):
            self.state = .connected(sessionID: id)
            return [.publish(.connected(sessionID: id))]
        case (.suspended(let old), .connected(let id)):
            guard id == old else { return self.expire() }
            self.state = .connected(sessionID: id)
            return [.publish(.connected(sessionID: id))]
        case (.connected(let old), .connected(let id)):
            // A server must not swap sessions; one that does has lost ours.
            return id == old ? [] : self.expire()
        case (.connected(let id), .connecting):
            self.state = .suspended(sessionID: id)
            return [.publish(.suspended)]
        case (.connecting, .connecting), (.suspended, .connecting):
            return []
        case (.connecting, .expired), (.connected, .expired), (.suspended, .expired):
            return self.expire()
        case (.connecting, .authFailed), (.connected, .authFailed), (.suspended, .authFailed):
            self.state = .closing(ZooKeeperError(.authFailed))
            return [.closeHandle]
        case (.replacing, _), (.closing, _), (.closed, _), (.idle, _), (.opening, _):
            // The last words of a handle that is being closed.
            return []
        }
    }

    private mutating func expire() -> [Action] {
        self.state = .replacing
        return [.publish(.expired), .closeHandle]
    }

    /// The handle is closed, and all that it had to tell has been consumed.
    mutating func handleClosed() -> [Action] {
        switch self.state {
        case .replacing:
            self.state = .opening(attempt: 0)
            return [.sweep(.sessionExpired), .open(attempt: 0)]
        case .closing(let error):
            self.state = .closed
            return [.sweep(.sessionClosed), .publish(.closed), .finish(error)]
        case .idle, .opening, .connecting, .connected, .suspended, .closed:
            preconditionFailure("a handle is closed in the states replacing and closing only")
        }
    }
}
