//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import ZODBFormat

/// The revisions and transactions of a storage in memory.
struct MappingContents: Sendable {
    private struct Revision {
        var tid: TransactionID
        var data: ByteBuffer
    }

    /// The identifiers for new objects.
    var objectIDs = ObjectIDSequence(after: .root)
    /// How much is held. Bytes are counted as Python's MappingStorage counts them: 50 an object, 100 a revision.
    private(set) var statistics = StorageStatistics(objectCount: 0, byteCount: 0)
    /// The revisions of each object, oldest first; never empty.
    private var revisions: [ObjectID: [Revision]] = [:]
    /// Every transaction, oldest first.
    private var transactions: [CommittedTransaction] = []

    /// Adds what a transaction wrote.
    mutating func append(_ draft: CheckedDraft, _ tid: TransactionID) {
        for store in draft.stores {
            if self.revisions[store.oid] == nil {
                self.statistics.objectCount += 1
                self.statistics.byteCount += 50
            }
            self.statistics.byteCount += 100 + store.data.readableBytes
            self.revisions[store.oid, default: []].append(Revision(tid: tid, data: store.data))
        }
        self.transactions.append(CommittedTransaction(tid: tid, oids: draft.oids, origin: draft.origin))
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

    /// The newest transactions in a range of tids, oldest first.
    func transactions(
        after first: TransactionID,
        through last: TransactionID,
        limit: Int
    ) -> [CommittedTransaction] {
        let newest = self.transactions.reversed().lazy.drop { $0.tid > last }.prefix { $0.tid > first }
        return newest.prefix(max(0, limit)).reversed()
    }
}
