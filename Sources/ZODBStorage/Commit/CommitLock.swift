//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// The place that a vote holds from its check until its transaction is queued or given up; tasks wait for it in order.
///
/// Guarded by `machine`: who holds the place and who waits. Continuations are resumed after the guard is released.
final class CommitLock: Sendable {
    private let machine = Mutex(CommitLockStateMachine<CheckedContinuation<Void, any Error>>())
    private let lastVote = Atomic<UInt64>(0)

    /// The number of votes that wait for the place.
    var waitingCount: Int { self.machine.withLock { $0.waitingCount } }

    /// Waits for the place and returns the name of the vote that holds it now. A place that is kept for `origin` is had
    /// at once.
    ///
    /// Throws `CancellationError` when the task is cancelled while it waits, `StorageError.closed` after `close()`.
    func acquire(for origin: UInt64 = 0) async throws -> VoteID {
        let vote = VoteID(rawValue: self.lastVote.add(1, ordering: .relaxed).newValue)
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                self.arrived(vote, from: origin, continuation)
            }
        } onCancel: {
            let waiter = self.machine.withLock { $0.cancelled(vote) }
            waiter?.resume(throwing: CancellationError())
        }
        return vote
    }

    /// Gives the place to the vote that has waited longest. Does nothing when `vote` does not hold it.
    func release(_ vote: VoteID) {
        self.perform(self.machine.withLock { $0.left(vote) })
    }

    /// Keeps the place of a vote that ended in conflicts for the next vote of `origin`, or until `yield(_:)`; gives it to
    /// the next where it has been kept for that vote already. Of origin 0 it keeps nothing.
    func release(_ vote: VoteID, keepingPlaceFor origin: UInt64) {
        self.perform(self.machine.withLock { $0.left(vote, keepingPlaceFor: origin) })
    }

    /// Keeps the place for `origin` no longer. Does nothing when it is not kept.
    func yield(_ origin: UInt64) {
        self.perform(self.machine.withLock { $0.yielded(origin) })
    }

    private func perform(_ action: CommitLockStateMachine<CheckedContinuation<Void, any Error>>.DepartureAction) {
        switch action {
        case .enter(let continuation): continuation.resume()
        case .finishClosing(let continuations): for continuation in continuations { continuation.resume() }
        case .none: break
        }
    }

    /// Fails all who wait, and all who come, with `StorageError.closed`; returns when nobody holds the place.
    func close() async throws {
        try await withCheckedThrowingContinuation { continuation in
            let action = self.machine.withLock { $0.closed(continuation) }
            for waiter in action.refused { waiter.resume(throwing: StorageError.closed) }
            for closer in action.finished { closer.resume() }
        }
    }

    private func arrived(
        _ vote: VoteID,
        from origin: UInt64,
        _ continuation: CheckedContinuation<Void, any Error>
    ) {
        // The cancellation handler may have run before this and found nobody to wake. Looking at the flag under the
        // same guard leaves no gap: either the handler finds the waiter, or the waiter finds the flag.
        let action = self.machine.withLock { machine in
            Task.isCancelled ? nil : machine.arrived(vote, from: origin, continuation)
        }
        switch action {
        case .enter(let continuation): continuation.resume()
        case .refuse(let continuation): continuation.resume(throwing: StorageError.closed)
        case .some(.none): break
        case nil: continuation.resume(throwing: CancellationError())
        }
    }
}
