//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import DequeModule

/// Who holds a storage's place for voting, and who waits for it: first come, first served.
///
/// `CommitLock` drives it. At most one vote holds the place; the others wait in the order of their arrival until the
/// holder leaves, they are cancelled, or the storage closes. The machine never resumes a waiter itself: it hands the
/// waiter to the caller, once, who resumes it after letting go of whatever guards this value.
struct CommitLockStateMachine<Waiter> {
    /// What to do with a vote that has arrived.
    enum ArrivalAction {
        /// The place was free and is now this vote's: let the waiter go on.
        case enter(Waiter)
        /// The waiter has been queued.
        case none
        /// The storage is closed: fail the waiter.
        case refuse(Waiter)
    }

    /// What to do after a vote has left.
    enum DepartureAction {
        /// The place is this waiter's now: let it go on.
        case enter(Waiter)
        /// Nobody waits.
        case none
        /// The storage closes and the last holder has left: let those go on who close it.
        case finishClosing([Waiter])
    }

    /// What to do when the storage closes.
    struct CloseAction {
        /// Fail these: they will not enter any more.
        var refused: [Waiter]
        /// Let these go on, who close the storage: nobody holds the place.
        var finished: [Waiter]
    }

    private var holder: VoteID?
    private var waiting: Deque<(vote: VoteID, waiter: Waiter)> = []
    private var isClosed = false
    private var closers: [Waiter] = []

    /// A free place without a queue.
    init() {}

    /// The number of votes that wait, without the one that holds the place.
    var waitingCount: Int { self.waiting.count }

    /// A vote wants the place.
    mutating func arrived(_ vote: VoteID, _ waiter: Waiter) -> ArrivalAction {
        guard !self.isClosed else { return .refuse(waiter) }
        guard self.holder != nil else {
            self.holder = vote
            return .enter(waiter)
        }
        self.waiting.append((vote, waiter))
        return .none
    }

    /// The task of a waiting vote was cancelled: returns the waiter to be failed, `nil` when the vote does not wait.
    mutating func cancelled(_ vote: VoteID) -> Waiter? {
        guard let index = self.waiting.firstIndex(where: { $0.vote == vote }) else { return nil }
        return self.waiting.remove(at: index).waiter
    }

    /// The vote that held the place needs it no more. Of a vote that does not hold it, this changes nothing.
    mutating func left(_ vote: VoteID) -> DepartureAction {
        guard self.holder == vote else { return .none }
        guard let next = self.waiting.popFirst() else {
            self.holder = nil
            defer { self.closers = [] }
            return self.isClosed ? .finishClosing(self.closers) : .none
        }
        self.holder = next.vote
        return .enter(next.waiter)
    }

    /// The storage closes, and `closer` waits for the last holder to leave. Nobody enters any more.
    mutating func closed(_ closer: Waiter) -> CloseAction {
        self.isClosed = true
        let refused = self.waiting.map(\.waiter)
        self.waiting = []
        guard self.holder != nil else { return CloseAction(refused: refused, finished: [closer]) }
        self.closers.append(closer)
        return CloseAction(refused: refused, finished: [])
    }
}
