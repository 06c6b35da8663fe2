//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import DequeModule
import Synchronization

/// Lets one task at a time through, first come, first served. What a lock is to threads, but held across `await`.
///
/// Guarded by `state`; slots are completed after it has been unlocked.
final class Turnstile: Sendable {
    private struct State {
        var isTaken = false
        var queue: Deque<CallSlot<Void>> = []
    }

    private let state = Mutex(State())

    /// Waits for its turn. A cancelled task leaves the queue.
    func enter() async throws {
        let slot = self.state.withLock { state -> CallSlot<Void>? in
            guard state.isTaken else {
                state.isTaken = true
                return nil
            }
            let slot = CallSlot<Void>()
            state.queue.append(slot)
            return slot
        }
        try await slot?.value()
    }

    /// Gives the turn to the next in the queue.
    func leave() {
        while true {
            let next = self.state.withLock { state -> CallSlot<Void>? in
                guard let next = state.queue.popFirst() else {
                    state.isTaken = false
                    return nil
                }
                return next
            }
            // Whoever was cancelled while it waited does not take its turn.
            guard let next, !next.complete(.success(())) else { return }
        }
    }
}
