//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// How long to wait before trying again: longer after every failure, up to a limit, and never two clients alike.
struct Backoff: Hashable, Sendable {
    /// The wait after the first failure, before jitter.
    var first: Duration = .milliseconds(100)
    /// The longest wait.
    var limit: Duration = .seconds(5)

    /// The wait after so many failures in a row.
    ///
    /// - Parameter jitter: A random number from 0 to 1; the wait is between half and all of the nominal one.
    func delay(afterFailures failures: Int, jitter: Double) -> Duration {
        precondition(failures > 0, "there is nothing to wait for without a failure")
        let nominal = min(self.first * (1 << min(failures - 1, 20)), self.limit)
        return nominal * (0.5 + min(max(jitter, 0), 1) / 2)
    }
}
