//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Synchronization
import ZODBFormat

/// What everybody may see of a storage: its last transaction, how much it holds, and who hears of the next one.
///
/// Guarded by `state`: all three at once, so that an observer who joins is told of exactly the transactions behind the
/// tid that it was given. Whoever publishes does so from one place at a time, in the order of tids.
final class VisibleHistory: Sendable {
    private struct State {
        var last: TransactionID
        var statistics: StorageStatistics
        var observers: [ObserverRegistration] = []
    }

    private let state: Mutex<State>
    private let visible: Atomic<UInt64>

    /// A history whose newest transaction is `last`.
    init(last: TransactionID, statistics: StorageStatistics) {
        self.state = Mutex(State(last: last, statistics: statistics))
        self.visible = Atomic(last.rawValue)
    }

    /// The tid of the newest transaction that may be seen. Takes no lock.
    var last: TransactionID { TransactionID(rawValue: self.visible.load(ordering: .acquiring)) }

    /// How much the storage held at that transaction.
    var statistics: StorageStatistics { self.state.withLock { $0.statistics } }

    /// Makes a transaction visible, then tells the observers of it.
    func publish(_ transaction: CommittedTransaction, statistics: StorageStatistics) {
        let observers = self.state.withLock { state in
            precondition(transaction.tid > state.last, "transactions are published in the order of their tids")
            state.last = transaction.tid
            state.statistics = statistics
            self.visible.store(transaction.tid.rawValue, ordering: .releasing)
            return state.observers
        }
        for observer in observers { observer.tell(transaction) }
    }

    /// The storage holds more or less than before, after a pack.
    func replaceStatistics(_ statistics: StorageStatistics) {
        self.state.withLock { $0.statistics = statistics }
    }

    /// Adds an observer and returns the last transaction that it will not be told of.
    func add(_ observer: any StorageObserver) -> TransactionID {
        self.state.withLock { state in
            state.observers.append(ObserverRegistration(observer))
            return state.last
        }
    }

    /// Removes an observer. When this returns it is told nothing any more.
    func remove(_ observer: any StorageObserver) {
        let ended = self.state.withLock { state in
            let ended = state.observers.filter { $0.observer === observer }
            state.observers.removeAll { $0.observer === observer }
            return ended
        }
        for registration in ended { registration.end() }
    }

    /// Lets go of all observers.
    func close() {
        let ended = self.state.withLock { state in
            defer { state.observers = [] }
            return state.observers
        }
        for registration in ended { registration.end() }
    }
}
