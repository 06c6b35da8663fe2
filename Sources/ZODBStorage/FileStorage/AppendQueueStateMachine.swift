//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ZODBFormat

/// What waits to be written to a data file, what is being written, and what has gone wrong.
///
/// `Appender` drives it. Transactions are queued in the order of their positions and tids. The writer takes everything
/// that waits as one batch, so that one synchronisation serves all of it; the next batch gathers meanwhile. Until a
/// transaction is published, its objects are looked up here. The first failure ends all writing: what is under way,
/// what waits and what comes fails, because every one of them stands behind the bytes that are missing.
struct AppendQueueStateMachine<Completion> {
    /// A transaction on its way to the file, and whoever waits for it.
    struct Transaction {
        var encoded: EncodedTransaction
        var origin: UInt64
        /// What has to be durable before the transaction is written.
        var companion: (any CommitCompanion)?
        var completion: Completion
    }

    /// Where the newest queued revision of an object will be.
    struct QueuedRevision: Hashable {
        var tid: TransactionID
        var position: Int
        /// Whether it says that the object does not exist.
        var isUndoneCreation = false
    }

    /// What to do with a transaction that was queued.
    enum QueueAction {
        /// The writer sleeps: wake it.
        case wakeWriter
        /// The writer is at work and will find the transaction.
        case none
        /// Writing has ended: fail the transaction.
        case fail(Completion, StorageError)
    }

    /// What the writer does next.
    enum WriterAction {
        /// Write these, in this order, and synchronise once.
        case write([Transaction])
        /// Nothing waits. Sleep, and let those go on who waited for that.
        case sleep([Completion])
    }

    /// What to do with somebody who wants to go on when a transaction is visible.
    enum PublicationAction {
        /// It is.
        case proceed
        /// It is queued: keep them waiting.
        case wait
        /// Writing has ended, and perhaps before it was the transaction's turn.
        case fail(StorageError)
    }

    private var waiting: [Transaction] = []
    private var underWay: [Transaction] = []
    private var revisions: [ObjectID: QueuedRevision] = [:]
    private var isWriting = false
    private var failure: StorageError?
    private var waitingForSleep: [Completion] = []
    private var lastPublished = TransactionID.zero
    private var waitingForPublication: [(tid: TransactionID, completion: Completion)] = []

    /// The position behind the last transaction that was queued: where the next one goes.
    private(set) var end: Int

    /// An idle queue for a file that ends at `end`.
    init(end: Int) {
        self.end = end
    }

    /// Why nothing is written any more; `nil` while all is well.
    var writeFailure: StorageError? { self.failure }

    /// The number of transactions that wait or are being written.
    var queuedCount: Int { self.waiting.count + self.underWay.count }

    /// The number of those who wait for a transaction to become visible.
    var waitingForPublicationCount: Int { self.waitingForPublication.count }

    /// The newest revision of an object among the transactions that are not published yet.
    func queuedRevision(of oid: ObjectID) -> QueuedRevision? { self.revisions[oid] }

    /// A transaction has its tid and its place, and is to be written.
    mutating func queued(_ transaction: Transaction) -> QueueAction {
        if let failure { return .fail(transaction.completion, failure) }
        precondition(transaction.encoded.position == self.end, "transactions follow one another in the file")
        self.end = transaction.encoded.end
        for object in transaction.encoded.objects {
            self.revisions[object.oid] = QueuedRevision(
                tid: transaction.encoded.tid,
                position: object.position,
                isUndoneCreation: transaction.encoded.undoneCreations.contains(object.oid)
            )
        }
        self.waiting.append(transaction)
        if self.isWriting { return .none }
        self.isWriting = true
        return .wakeWriter
    }

    /// The writer is awake and has nothing to do: all of its last batch is published or has failed.
    mutating func writerReady() -> WriterAction {
        self.underWay = []
        guard !self.waiting.isEmpty else {
            self.isWriting = false
            defer { self.waitingForSleep = [] }
            return .sleep(self.waitingForSleep)
        }
        self.underWay = self.waiting
        self.waiting = []
        return .write(self.underWay)
    }

    /// A transaction of the batch is durable and visible: nobody needs to find it here any more. Returns who waited for
    /// that.
    mutating func published(_ transaction: EncodedTransaction) -> [Completion] {
        self.lastPublished = transaction.tid
        for object in transaction.objects where self.revisions[object.oid]?.tid == transaction.tid {
            self.revisions[object.oid] = nil
        }
        guard !self.waitingForPublication.isEmpty else { return [] }
        defer { self.waitingForPublication.removeAll { $0.tid <= transaction.tid } }
        return self.waitingForPublication.filter { $0.tid <= transaction.tid }.map(\.completion)
    }

    /// Somebody wants to go on when the transaction `tid`, which was committed before or has been queued, is visible.
    mutating func waitsForPublication(of tid: TransactionID, _ completion: Completion) -> PublicationAction {
        if let failure { return .fail(failure) }
        let isQueued =
            tid > self.lastPublished
            && (self.underWay.contains { $0.encoded.tid == tid } || self.waiting.contains { $0.encoded.tid == tid })
        guard isQueued else { return .proceed }
        self.waitingForPublication.append((tid, completion))
        return .wait
    }

    /// The disk refused the batch, none of which has been published: returns all who are to be failed.
    mutating func failed(_ error: StorageError) -> [Completion] {
        self.failure = error
        self.revisions = [:]
        defer {
            self.underWay = []
            self.waiting = []
            self.waitingForPublication = []
        }
        return (self.underWay + self.waiting).map(\.completion) + self.waitingForPublication.map(\.completion)
    }

    /// Somebody wants to go on when nothing is being written: true when that is now.
    mutating func waitsForSleep(_ completion: Completion) -> Bool {
        guard self.isWriting else { return true }
        self.waitingForSleep.append(completion)
        return false
    }
}
