//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// One observer of a storage, told until the registration ends.
///
/// Guarded by `isActive`: whether the observer is still told. It is held while the observer is told, so that the
/// observer is never told twice at once, and is told nothing any more when `end()` has returned.
final class ObserverRegistration: Sendable {
    let observer: any StorageObserver
    private let isActive = Mutex(true)

    /// A registration of `observer`.
    init(_ observer: any StorageObserver) {
        self.observer = observer
    }

    /// Tells the observer of a transaction that has just become visible.
    func tell(_ transaction: CommittedTransaction) {
        self.isActive.withLock { isActive in
            if isActive { self.observer.storageDidCommit(transaction) }
        }
    }

    /// Tells the observer nothing any more.
    func end() {
        self.isActive.withLock { $0 = false }
    }
}
