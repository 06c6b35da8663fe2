//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import ZODBFormat
import ZODBStorage

/// What the client needs to know of its own transaction when the server has committed it.
struct OwnCommit: Sendable {
    /// The records as they were sent.
    let records: [ObjectID: ByteBuffer]
    /// The objects whose record the server has merged with what others had committed.
    let merged: Set<ObjectID>
    /// The objects of which the record is not known any more: their creation had been undone in what was restored.
    private let removed: Set<ObjectID>
    let origin: UInt64

    init(_ draft: TransactionDraft, merged: Set<ObjectID>) {
        var records: [ObjectID: ByteBuffer] = [:]
        var removed: Set<ObjectID> = []
        for operation in draft.operations {
            switch operation {
            case .store(let oid, _, let data): records[oid] = data
            case .restore(let oid, _, let data?, _, _): records[oid] = data
            case .restore(let oid, _, nil, _, _):
                records[oid] = nil
                removed.insert(oid)
            case .storeBlob, .checkCurrent, .undo, .delete: break
            }
        }
        self.records = records
        self.removed = removed
        self.merged = merged
        self.origin = draft.origin
    }

    /// The transaction as observers hear of it.
    func transaction(_ tid: TransactionID) -> CommittedTransaction {
        CommittedTransaction(tid: tid, oids: self.removed.union(self.records.keys).sorted(), origin: self.origin)
    }
}
