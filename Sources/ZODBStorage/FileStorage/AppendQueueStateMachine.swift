//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ZODBFormat

/// What waits to be written to a data file, what is being written, and what has gone wrong.
///
/// `Appender` drives it. Transactions are queued in the order of their positions and tids. The writer takes everything
/// that waits as one batch, so that one synchronisation serves all of it; the next batch gathers meanwhile. Until a
/// transaction is published, its objects are looked up here.
///
/// When the disk refuses to take a transaction, as a full one does, that one fails and everything that was queued behind
/// it, because it stands behind the bytes that are missing; whatever comes then goes where the refused one would have
/// been. When the disk fails otherwise, nobody can tell what is on it: all of it fails, and so does what comes.
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
        /// It was refused, before any byte of it was written: fail it.
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

    /// Transactions that are not committed, and who waits for them.
    struct Failed {
        /// What belongs to transactions of which nothing is in the file: to be withdrawn before anybody is told.
        var companions: [any CommitCompanion]
        var completions: [Completion]
    }

    /// What to do when the disk has refused a transaction.
    struct Refusal {
        /// The part of the batch that goes on.
        var rest: [Transaction]
        /// Fail these, when that part is on disk.
        var failed: Failed
        /// Why.
        var error: StorageError
    }

    private var waiting: [Transaction] = []
    private var underWay: [Transaction] = []
    private var revisions: [ObjectID: QueuedRevision] = [:]
    private var isWriting = false
    private var failure: StorageError?
    /// Transactions that were refused: their first and last tid, and why. The last few are enough, since nobody waits for
    /// an older one.
    private var refused: [(tids: ClosedRange<TransactionID>, error: StorageError)] = []
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

    /// The newest transaction that waits, is being written, or has just been written; `nil` when there is none.
    var newestQueued: TransactionID? { (self.waiting.last ?? self.underWay.last)?.encoded.tid }

    /// The number of those who wait for a transaction to become visible.
    var waitingForPublicationCount: Int { self.waitingForPublication.count }

    /// The newest revision of an object among the transactions that are not published yet.
    func queuedRevision(of oid: ObjectID) -> QueuedRevision? { self.revisions[oid] }

    /// A transaction has its tid and its place, and is to be written.
    mutating func queued(_ transaction: Transaction) -> QueueAction {
        if let failure { return .fail(transaction.completion, failure) }
        guard transaction.encoded.position == self.end else {
            // It was encoded behind one that has just been refused.
            guard let error = self.refused.last?.error, transaction.encoded.position > self.end else {
                preconditionFailure("transactions follow one another in the file")
            }
            self.refuse(transaction.encoded.tid...transaction.encoded.tid, error)
            return .fail(transaction.completion, error)
        }
        self.end = transaction.encoded.end
        self.forgetRefusal(of: transaction.encoded.tid)
        self.remember(transaction.encoded)
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
        if let refused = self.refused.last(where: { $0.tids.contains(tid) }) { return .fail(refused.error) }
        let isQueued =
            tid > self.lastPublished
            && (self.underWay.contains { $0.encoded.tid == tid } || self.waiting.contains { $0.encoded.tid == tid })
        guard isQueued else { return .proceed }
        self.waitingForPublication.append((tid, completion))
        return .wait
    }

    /// The disk took the first `count` transactions of the batch and refused the next one, of which nothing is in the
    /// file any more.
    mutating func refused(behind count: Int, _ error: StorageError) -> Refusal {
        let gone = self.underWay[count...] + self.waiting
        guard let first = gone.first?.encoded, let last = gone.last?.encoded else {
            preconditionFailure("what was refused was under way")
        }
        self.underWay.removeSubrange(count...)
        self.waiting = []
        self.end = first.position
        self.refuse(first.tid...last.tid, error)
        self.revisions = [:]
        for transaction in self.underWay { self.remember(transaction.encoded) }
        defer { self.waitingForPublication.removeAll { $0.tid >= first.tid } }
        let waiters = self.waitingForPublication.filter { $0.tid >= first.tid }
        return Refusal(
            rest: self.underWay,
            failed: Failed(
                companions: gone.compactMap(\.companion),
                completions: gone.map(\.completion) + waiters.map(\.completion)
            ),
            error: error
        )
    }

    private mutating func refuse(_ tids: ClosedRange<TransactionID>, _ error: StorageError) {
        self.refused.append((tids, error))
        if self.refused.count > 16 { self.refused.removeFirst() }
    }

    /// A transaction comes again whose tid was chosen elsewhere.
    private mutating func forgetRefusal(of tid: TransactionID) {
        guard let place = self.refused.firstIndex(where: { $0.tids.contains(tid) }) else { return }
        let (tids, error) = self.refused.remove(at: place)
        if tid < tids.upperBound { self.refused.insert((tid.successor...tids.upperBound, error), at: place) }
        if tid > tids.lowerBound {
            let before = TransactionID(rawValue: tid.rawValue - 1)
            self.refused.insert((tids.lowerBound...before, error), at: place)
        }
    }

    private mutating func remember(_ transaction: EncodedTransaction) {
        for object in transaction.objects {
            self.revisions[object.oid] = QueuedRevision(
                tid: transaction.tid,
                position: object.position,
                isUndoneCreation: transaction.undoneCreations.contains(object.oid)
            )
        }
    }

    /// Nothing is queued, and another file, which ends at `end`, is written to from now on.
    mutating func moved(toEnd end: Int) {
        precondition(self.queuedCount == 0, "a file is exchanged while nothing is written to it")
        self.end = end
    }

    /// The disk failed, and nothing of the batch has been published: returns all who are to be failed. Whether something
    /// of the batch may be in the file `isCutOff` says.
    mutating func failed(_ error: StorageError, isCutOff: Bool) -> Failed {
        self.failure = error
        self.revisions = [:]
        defer {
            self.underWay = []
            self.waiting = []
            self.waitingForPublication = []
        }
        return Failed(
            companions: ((isCutOff ? self.underWay : []) + self.waiting).compactMap(\.companion),
            completions: (self.underWay + self.waiting).map(\.completion)
                + self.waitingForPublication.map(\.completion)
        )
    }

    /// Somebody wants to go on when nothing is being written: true when that is now.
    mutating func waitsForSleep(_ completion: Completion) -> Bool {
        guard self.isWriting else { return true }
        self.waitingForSleep.append(completion)
        return false
    }
}
