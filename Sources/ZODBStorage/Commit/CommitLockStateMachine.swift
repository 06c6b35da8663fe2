//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import DequeModule

/// Who holds a storage's place for voting, and who waits for it: first come, first served.
///
/// `CommitLock` drives it. At most one vote holds the place; the others wait in the order of their arrival until the
/// holder leaves, they are cancelled, or the storage closes. A vote that leaves because of conflicts may have the place
/// kept for the next vote of the same origin: nobody commits meanwhile, so that the conflicts, once resolved, cannot come
/// again. A place is kept once for each time that its holder waited in the queue, and somebody outside has to end it with
/// `yielded(_:)` when that next vote does not come in time; so nobody starves.
///
/// The machine never resumes a waiter itself: it hands the waiter to the caller, once, who resumes it after letting go of
/// whatever guards this value.
struct CommitLockStateMachine<Waiter> {
    /// What to do with a vote that has arrived.
    enum ArrivalAction {
        /// The place was free, or kept for its origin, and is now this vote's: let the waiter go on.
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

    private enum Place {
        /// Nobody waits. Next: `held`.
        case free
        /// A vote is checked or prepared. Next: `held` by another, `kept`, `free`.
        case held(VoteID, wasKept: Bool)
        /// An origin resolves conflicts. Next: `held` by its next vote, or as if the holder had left.
        case kept(for: UInt64)
    }

    private var place = Place.free
    private var waiting: Deque<(vote: VoteID, waiter: Waiter)> = []
    private var isClosed = false
    private var closers: [Waiter] = []

    /// A free place without a queue.
    init() {}

    /// The number of votes that wait, without the one that holds the place.
    var waitingCount: Int { self.waiting.count }

    /// A vote wants the place, for a transaction that is known by its origin; 0 is nobody's.
    mutating func arrived(_ vote: VoteID, from origin: UInt64 = 0, _ waiter: Waiter) -> ArrivalAction {
        guard !self.isClosed else { return .refuse(waiter) }
        switch self.place {
        case .free:
            self.place = .held(vote, wasKept: false)
            return .enter(waiter)
        case .kept(for: origin):
            self.place = .held(vote, wasKept: true)
            return .enter(waiter)
        case .held, .kept:
            self.waiting.append((vote, waiter))
            return .none
        }
    }

    /// The task of a waiting vote was cancelled: returns the waiter to be failed, `nil` when the vote does not wait.
    mutating func cancelled(_ vote: VoteID) -> Waiter? {
        guard let index = self.waiting.firstIndex(where: { $0.vote == vote }) else { return nil }
        return self.waiting.remove(at: index).waiter
    }

    /// The vote that held the place needs it no more. Of a vote that does not hold it, this changes nothing.
    mutating func left(_ vote: VoteID) -> DepartureAction {
        guard case .held(vote, _) = self.place else { return .none }
        return self.next()
    }

    /// The vote that held the place ended in conflicts, which its origin will resolve: the place is kept for the origin's
    /// next vote, unless this vote had it that way already or the storage closes.
    mutating func left(_ vote: VoteID, keepingPlaceFor origin: UInt64) -> DepartureAction {
        guard case .held(vote, let wasKept) = self.place else { return .none }
        guard !wasKept, !self.isClosed, origin != 0 else { return self.next() }
        self.place = .kept(for: origin)
        return .none
    }

    /// The origin has given up, or has had enough time. Where the place is not kept for it, this changes nothing.
    mutating func yielded(_ origin: UInt64) -> DepartureAction {
        guard case .kept(for: origin) = self.place else { return .none }
        return self.next()
    }

    /// The storage closes, and `closer` waits for the last holder to leave. Nobody enters any more.
    mutating func closed(_ closer: Waiter) -> CloseAction {
        self.isClosed = true
        let refused = self.waiting.map(\.waiter)
        self.waiting = []
        guard case .held = self.place else {
            self.place = .free
            return CloseAction(refused: refused, finished: [closer])
        }
        self.closers.append(closer)
        return CloseAction(refused: refused, finished: [])
    }

    private mutating func next() -> DepartureAction {
        guard let next = self.waiting.popFirst() else {
            self.place = .free
            defer { self.closers = [] }
            return self.isClosed ? .finishClosing(self.closers) : .none
        }
        self.place = .held(next.vote, wasKept: false)
        return .enter(next.waiter)
    }
}
