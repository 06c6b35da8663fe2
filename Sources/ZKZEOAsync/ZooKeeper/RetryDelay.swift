//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// How long to wait before the next attempt: twice as long each time, up to a limit, and with jitter, so that many who
/// lost the same thing at once do not all come back at once.
struct RetryDelay: Sendable {
    /// Before the first repetition.
    var first: Duration
    /// At most.
    var limit: Duration

    /// The wait before attempt number `attempt` (the first repetition is number 1). `chance` is from 0 to 1; the result lies
    /// between half and all of the full wait.
    func delay(attempt: Int, chance: Double) -> Duration {
        guard attempt > 0 else { return .zero }
        let doublings = min(attempt - 1, 20)
        let full = min(self.first * (1 << doublings), self.limit)
        return full * (0.5 + 0.5 * min(max(chance, 0), 1))
    }
}
