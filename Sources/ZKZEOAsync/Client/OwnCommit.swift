//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import ZODBFormat
import ZODBStorage

/// What the client needs to know of its own transaction when the server has committed it.
struct OwnCommit: Sendable {
    /// A blob that was sent with the transaction.
    struct Blob: Sendable {
        var oid: ObjectID
        var blob: UncommittedBlob
    }

    /// The blobs, whose files the client may keep.
    let blobs: [Blob]
    /// The records as they were sent.
    let records: [ObjectID: ByteBuffer]
    /// The objects whose record is not what was sent: the server has merged it with what others had committed, or has undone
    /// what an earlier transaction did.
    let merged: Set<ObjectID>
    /// The objects of which the record is not known any more: their creation had been undone in what was restored.
    private let removed: Set<ObjectID>
    let origin: UInt64

    init(_ draft: TransactionDraft, merged: Set<ObjectID>) {
        var records: [ObjectID: ByteBuffer] = [:]
        var removed: Set<ObjectID> = []
        var blobs: [Blob] = []
        for operation in draft.operations {
            switch operation {
            case .store(let oid, _, let data): records[oid] = data
            case .storeBlob(let oid, _, let data, let blob):
                records[oid] = data
                blobs.append(Blob(oid: oid, blob: blob))
            case .restore(let oid, _, let data?, _, let blob):
                records[oid] = data
                if let blob { blobs.append(Blob(oid: oid, blob: blob)) }
            case .restore(let oid, _, nil, _, _):
                records[oid] = nil
                removed.insert(oid)
            case .delete(let oid, _):
                records[oid] = nil
                removed.insert(oid)
            // What an undo changes the answer to the vote says.
            case .checkCurrent, .undo: break
            }
        }
        self.records = records
        self.blobs = blobs
        self.removed = removed
        self.merged = merged
        self.origin = draft.origin
    }

    /// The transaction as observers hear of it.
    func transaction(_ tid: TransactionID) -> CommittedTransaction {
        let oids = self.removed.union(self.records.keys).union(self.merged)
        return CommittedTransaction(tid: tid, oids: oids.sorted(), origin: self.origin)
    }
}
