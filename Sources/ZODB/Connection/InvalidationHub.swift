//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Synchronization
import ZODBFormat
import ZODBStorage

/// Passes what becomes visible in a storage on to the open connections of a database.
///
/// Guarded by `state`: the last transaction and the inboxes. An inbox is told under the same lock, so that every
/// inbox hears of every transaction after the one with which it was opened, in order.
final class InvalidationHub: StorageObserver {
    private struct State {
        var last = TransactionID.zero
        var inboxes: [UInt64: InvalidationInbox] = [:]
        var nextNumber: UInt64 = 0
    }

    private let state = Mutex(State())

    /// The storage says that it showed `tid` when the hub was made known to it.
    func began(at tid: TransactionID) {
        self.state.withLock { $0.last = max($0.last, tid) }
    }

    /// The last transaction that connections may show.
    var last: TransactionID { self.state.withLock { $0.last } }

    /// An inbox for one connection, and the number to take it away again.
    func open() -> (inbox: InvalidationInbox, number: UInt64) {
        self.state.withLock { state in
            let inbox = InvalidationInbox(at: state.last)
            state.nextNumber += 1
            state.inboxes[state.nextNumber] = inbox
            return (inbox, state.nextNumber)
        }
    }

    func close(_ number: UInt64) {
        self.state.withLock { _ = $0.inboxes.removeValue(forKey: number) }
    }

    func storageDidCommit(_ transaction: CommittedTransaction) {
        self.state.withLock { state in
            state.last = max(state.last, transaction.tid)
            for inbox in state.inboxes.values { inbox.append(transaction) }
        }
    }

    func storageDidLoseTrack(now tid: TransactionID) {
        self.state.withLock { state in
            state.last = tid
            for inbox in state.inboxes.values { inbox.lostTrack(now: tid) }
        }
    }
}
