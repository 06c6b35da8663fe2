//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Who holds the commit lock of a storage, as far as this server's clients are concerned, and since when.
///
/// The storage hands out the lock; this only remembers, for the log and for `server_status`.
final class LockObservation: Sendable {
    private let holders = Mutex<[UInt64: WallTime]>([:])

    /// A transaction, known by its origin, holds the lock.
    func acquired(by origin: UInt64) {
        self.holders.withLock { $0[origin] = .now }
    }

    func released(by origin: UInt64) {
        self.holders.withLock { _ = $0.removeValue(forKey: origin) }
    }

    /// Since when the lock has been held; `nil` when it is free.
    var since: WallTime? {
        self.holders.withLock { $0.values.min { $0.seconds < $1.seconds } }
    }
}
