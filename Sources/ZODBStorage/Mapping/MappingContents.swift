//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import ZODBFormat

/// What a `MappingStorage` holds: every revision of every object, and every transaction.
struct MappingContents: Sendable {
    struct Revision: Sendable {
        var tid: TransactionID
        var data: ByteBuffer
    }

    /// What a transaction wrote for an object.
    struct Record: Sendable {
        var oid: ObjectID
        var data: ByteBuffer
    }

    struct Transaction: Sendable {
        var tid: TransactionID
        var status: TransactionStatus
        var metadata: TransactionMetadata
        var origin: UInt64
        /// What is still there of what it wrote.
        var records: [Record]
    }

    /// The identifiers for new objects.
    var objectIDs = ObjectIDSequence(after: .root)
    /// The time of the last pack.
    var lastPack: TransactionID?
    /// How much is held. Bytes are counted as Python's MappingStorage counts them: 50 an object, 100 a revision.
    private(set) var statistics = StorageStatistics(objectCount: 0, byteCount: 0)
    /// The revisions of each object, oldest first; never empty.
    private(set) var revisions: [ObjectID: [Revision]] = [:]
    /// Every transaction, oldest first.
    private var transactions: [Transaction] = []

    /// Adds what a transaction wrote.
    mutating func append(_ draft: CheckedDraft, _ tid: TransactionID) {
        var transaction = Transaction(
            tid: tid,
            status: draft.status,
            metadata: draft.metadata,
            origin: draft.origin,
            records: []
        )
        for store in draft.stores {
            guard case .data(let data) = store.payload else {
                preconditionFailure("a draft without a history writes data only")
            }
            self.revisions[store.oid, default: []].append(Revision(tid: tid, data: data))
            transaction.records.append(Record(oid: store.oid, data: data))
            self.statistics.objectCount = self.revisions.count
            self.statistics.byteCount += 100 + data.readableBytes + (self.revisions[store.oid]?.count == 1 ? 50 : 0)
        }
        self.transactions.append(transaction)
    }

    /// Puts other revisions in the place of all, after a pack: objects in `changed` have lost some.
    mutating func replace(_ revisions: [ObjectID: [Revision]], changed: Set<ObjectID>) {
        self.revisions = revisions
        self.statistics = StorageStatistics(objectCount: revisions.count, byteCount: 0)
        var oldest: [ObjectID: TransactionID] = [:]
        for (oid, revisions) in revisions {
            self.statistics.byteCount += 50 + revisions.reduce(0) { $0 + 100 + $1.data.readableBytes }
            if changed.contains(oid) { oldest[oid] = revisions[0].tid }
        }
        self.transactions = self.transactions.compactMap { transaction in
            var transaction = transaction
            let count = transaction.records.count
            transaction.records.removeAll { record in
                changed.contains(record.oid) && transaction.tid < oldest[record.oid] ?? .max
            }
            guard transaction.records.count < count else { return transaction }
            transaction.status = .packed
            return transaction.records.isEmpty ? nil : transaction
        }
    }

    /// The tid of the newest revision of an object.
    func committedSerial(of oid: ObjectID) -> CommittedSerial? {
        self.revisions[oid]?.last.map { CommittedSerial(tid: $0.tid) }
    }

    /// The newest revision older than `tid` among those that are not newer than `visible`.
    func revision(of oid: ObjectID, before tid: TransactionID, visible: TransactionID) throws -> ObjectRevision? {
        guard let revisions = self.revisions[oid], revisions[0].tid <= visible else {
            throw StorageError.noSuchObject(oid)
        }
        // New revisions are asked for most, so the search goes backwards.
        var next: TransactionID?
        for revision in revisions.reversed() where revision.tid <= visible {
            if revision.tid < tid { return ObjectRevision(data: revision.data, tid: revision.tid, next: next) }
            next = revision.tid
        }
        return nil
    }

    /// The record that transaction `tid` wrote for an object.
    func data(of oid: ObjectID, at tid: TransactionID) -> ByteBuffer? {
        self.revisions[oid]?.last { $0.tid == tid }?.data
    }

    /// The newest revisions of an object among those that are not newer than `visible`, newest first.
    func history(of oid: ObjectID, limit: Int, visible: TransactionID) throws -> [RevisionSummary] {
        guard let revisions = self.revisions[oid], revisions[0].tid <= visible else {
            throw StorageError.noSuchObject(oid)
        }
        return revisions.reversed().lazy.drop { $0.tid > visible }.prefix(max(0, limit)).map { revision in
            let transaction = self.transactions[self.index(from: revision.tid)]
            return RevisionSummary(
                tid: revision.tid,
                size: revision.data.readableBytes,
                metadata: transaction.metadata
            )
        }
    }

    /// The transactions in a range of tids, both ends included, oldest first.
    func transactions(from first: TransactionID, through last: TransactionID) -> ArraySlice<Transaction> {
        guard first <= last else { return [] }
        return self.transactions[self.index(from: first)..<self.index(from: last.successor)]
    }

    /// The newest transactions in a range of tids, oldest first.
    func recentTransactions(
        after first: TransactionID,
        through last: TransactionID,
        limit: Int
    ) -> [CommittedTransaction] {
        self.transactions(from: first.successor, through: last).suffix(max(0, limit)).map { transaction in
            CommittedTransaction(
                tid: transaction.tid,
                oids: transaction.records.map(\.oid),
                origin: transaction.origin
            )
        }
    }

    /// The index of the first transaction whose tid is not below `tid`.
    private func index(from tid: TransactionID) -> Int {
        var range = 0..<self.transactions.count
        while !range.isEmpty {
            let middle = range.lowerBound + range.count / 2
            if self.transactions[middle].tid < tid {
                range = middle + 1..<range.upperBound
            } else {
                range = range.lowerBound..<middle
            }
        }
        return range.lowerBound
    }
}
