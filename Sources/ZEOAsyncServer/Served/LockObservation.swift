//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Metrics
import NIOCore
import Synchronization

/// Who holds the commit lock of a storage, as far as this server's clients are concerned, and since when.
///
/// The storage hands out the lock; this only remembers, for the log and for `server_status`.
final class LockObservation: Sendable {
    private struct State {
        var holders: [UInt64: WallTime] = [:]
        /// When transactions asked for the lock.
        var requests: [UInt64: NIODeadline] = [:]
        /// When those who hold it got it.
        var grants: [UInt64: NIODeadline] = [:]
    }

    private let state = Mutex(State())
    private let metrics: ZEOStorageMetrics?

    init(_ metrics: ZEOStorageMetrics? = nil) {
        self.metrics = metrics
    }

    /// A transaction, known by its origin, wants the lock.
    func requested(by origin: UInt64) {
        self.state.withLock { $0.requests[origin] = .now() }
    }

    /// A transaction, known by its origin, holds the lock.
    func acquired(by origin: UInt64) {
        let now = NIODeadline.now()
        let asked = self.state.withLock { state in
            state.holders[origin] = .now
            state.grants[origin] = now
            return state.requests.removeValue(forKey: origin)
        }
        if let asked { self.metrics?.lockWait.recordNanoseconds((now - asked).nanoseconds) }
    }

    /// A transaction is over, whether it held the lock or not.
    func released(by origin: UInt64) {
        let granted = self.state.withLock { state in
            state.holders[origin] = nil
            state.requests[origin] = nil
            return state.grants.removeValue(forKey: origin)
        }
        if let granted { self.metrics?.lockHeld.recordNanoseconds((NIODeadline.now() - granted).nanoseconds) }
    }

    /// Since when the lock has been held; `nil` when it is free.
    var since: WallTime? {
        self.state.withLock { $0.holders.values.min { $0.seconds < $1.seconds } }
    }
}
