//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Synchronization
import ZEOProtocol
import ZODBFormat
import ZODBStorage

/// What was committed to a storage of late, and who has to hear of it.
///
/// The log is the one place where "what clients may be shown" is decided. A storage appends to it, in the order of tids
/// and before any `finish` returns. Each connection reads from it on its own event loop, and shows its client nothing
/// newer than what it has read and written out.
final class InvalidationLog: StorageObserver {
    /// A connection's place in the log.
    final class Subscription: Sendable {
        fileprivate let seen: Atomic<UInt64>
        private let isNotified = Atomic(false)
        private let eventLoop: any EventLoop
        private let catchUp: @Sendable () -> Void
        private let lostTrack: @Sendable () -> Void
        private let inform: @Sendable () -> Void

        fileprivate init(
            seen: TransactionID,
            eventLoop: any EventLoop,
            catchUp: @escaping @Sendable () -> Void,
            lostTrack: @escaping @Sendable () -> Void,
            inform: @escaping @Sendable () -> Void
        ) {
            self.seen = Atomic(seen.rawValue)
            self.eventLoop = eventLoop
            self.catchUp = catchUp
            self.lostTrack = lostTrack
            self.inform = inform
        }

        /// Says that everything up to `tid` has been written out, so that the log may forget it.
        func advance(to tid: TransactionID) {
            self.seen.store(tid.rawValue, ordering: .relaxed)
        }

        /// Has the connection read the log soon, on its event loop. Of many notifications that come before it does,
        /// one counts.
        fileprivate func notify() {
            guard !self.isNotified.exchange(true, ordering: .acquiringAndReleasing) else { return }
            self.eventLoop.execute {
                self.isNotified.store(false, ordering: .sequentiallyConsistent)
                self.catchUp()
            }
        }

        fileprivate func loseTrack() {
            self.eventLoop.execute { self.lostTrack() }
        }

        fileprivate func sendInformation() {
            self.eventLoop.execute { self.inform() }
        }
    }

    private struct State {
        var queue: InvalidationQueue
        var subscriptions: [ObjectIdentifier: Subscription] = [:]
    }

    private let state: Mutex<State>
    private let lastTID: Atomic<UInt64>

    /// A log of `size` transactions. Of a storage that is written to quickly it keeps more for readers that are behind.
    init(size: Int) {
        self.state = Mutex(State(queue: InvalidationQueue(size: size, bound: max(size, 10_000), floor: .zero)))
        self.lastTID = Atomic(0)
    }

    /// The newest transaction that anybody may be shown. Takes no lock.
    var last: TransactionID { TransactionID(rawValue: self.lastTID.load(ordering: .sequentiallyConsistent)) }

    var subscriptionCount: Int { self.state.withLock { $0.subscriptions.count } }

    /// Begins to follow a storage, with what it remembers of the time before.
    func follow(_ storage: any Storage) async throws {
        let last = try await storage.addObserver(self)
        let size = self.state.withLock { max($0.queue.size, 1) }
        // A remote storage may be unable to tell, and may tell of many transactions as one: as one that is newer than
        // the observer's first, it is none that the log can begin with. What is not known counts as forgotten.
        let recent = try? await storage.recentTransactions(after: .zero, limit: size)
        let isWhole = recent.map { $0.count < size && ($0.last?.tid ?? .zero) <= last } ?? false
        self.state.withLock { state in
            state.queue.start(after: last, recent: recent ?? [], isWhole: isWhole)
            self.lastTID.store(state.queue.last.rawValue, ordering: .sequentiallyConsistent)
        }
    }

    func storageDidCommit(_ transaction: CommittedTransaction) {
        let subscriptions = self.state.withLock { state in
            let slowest = state.subscriptions.values.lazy.map { $0.seen.load(ordering: .relaxed) }.min()
            state.queue.append(transaction, slowest: slowest.map { TransactionID(rawValue: $0) })
            self.lastTID.store(state.queue.last.rawValue, ordering: .sequentiallyConsistent)
            return Array(state.subscriptions.values)
        }
        for subscription in subscriptions { subscription.notify() }
    }

    func storageDidLoseTrack(now tid: TransactionID) {
        let subscriptions = self.state.withLock { state in
            state.queue = InvalidationQueue(size: state.queue.size, bound: state.queue.bound, floor: tid)
            self.lastTID.store(tid.rawValue, ordering: .sequentiallyConsistent)
            defer { state.subscriptions = [:] }
            return Array(state.subscriptions.values)
        }
        for subscription in subscriptions { subscription.loseTrack() }
    }

    /// Joins the log, and says in the same step up to where nothing needs to be told.
    func subscribe(
        on eventLoop: any EventLoop,
        catchUp: @escaping @Sendable () -> Void,
        lostTrack: @escaping @Sendable () -> Void,
        inform: @escaping @Sendable () -> Void = {}
    ) -> (subscription: Subscription, seen: TransactionID) {
        self.state.withLock { state in
            let seen = state.queue.last
            let subscription = Subscription(
                seen: seen,
                eventLoop: eventLoop,
                catchUp: catchUp,
                lostTrack: lostTrack,
                inform: inform
            )
            state.subscriptions[ObjectIdentifier(subscription)] = subscription
            return (subscription, seen)
        }
    }

    /// Has every connection tell its client how much the storage holds now.
    func informAll() {
        let subscriptions = self.state.withLock { Array($0.subscriptions.values) }
        for subscription in subscriptions { subscription.sendInformation() }
    }

    func unsubscribe(_ subscription: Subscription) {
        self.state.withLock { _ = $0.subscriptions.removeValue(forKey: ObjectIdentifier(subscription)) }
    }

    /// The transactions after `tid` and the messages about them; `nil` when some are forgotten.
    func messages(
        after tid: TransactionID,
        format: WireFormat
    ) -> [(transaction: CommittedTransaction, frame: ByteBuffer)]? {
        self.state.withLock { $0.queue.messages(after: tid, format: format) }
    }

    /// The objects that changed after `tid`, up to and including `end`; `nil` when some are forgotten.
    func changes(after tid: TransactionID, through end: TransactionID) -> [ObjectID]? {
        self.state.withLock { $0.queue.changes(after: tid, through: end) }
    }

    /// Whether everything after `tid` is remembered.
    func reachesBack(to tid: TransactionID) -> Bool {
        self.state.withLock { $0.queue.floor <= tid }
    }

    /// The first transaction after `tid`, up to and including `end`, that changed an object.
    func firstChange(of oid: ObjectID, after tid: TransactionID, through end: TransactionID) -> TransactionID? {
        self.state.withLock { $0.queue.firstChange(of: oid, after: tid, through: end) }
    }
}
