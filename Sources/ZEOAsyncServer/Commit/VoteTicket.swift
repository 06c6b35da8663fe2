//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Synchronization
import ZODBStorage

/// Who has to give back the commit lock, when a vote ends in one place while it is given up in another.
///
/// The task that votes delivers what it got; the connection cancels. Whoever comes second has the lock on his hands.
final class VoteTicket: Sendable {
    private enum State {
        case open
        case delivered(VoteID)
        case cancelled
    }

    private let state = Mutex(State.open)

    /// The storage holds the lock. `false` when nobody wants it any more: the caller has to abort the vote.
    func deliver(_ vote: VoteID) -> Bool {
        self.state.withLock { state in
            guard case .open = state else { return false }
            state = .delivered(vote)
            return true
        }
    }

    /// Whether nobody wants to know any more how the vote ends.
    var isCancelled: Bool {
        self.state.withLock { state in
            if case .cancelled = state { true } else { false }
        }
    }

    /// The vote is given up. The lock that was delivered already, for the caller to abort.
    func cancel() -> VoteID? {
        self.state.withLock { state in
            defer { state = .cancelled }
            guard case .delivered(let vote) = state else { return nil }
            return vote
        }
    }
}
