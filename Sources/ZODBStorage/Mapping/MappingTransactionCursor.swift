//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Synchronization
import ZODBFormat

/// A walk through transactions that are held in memory, as they were when it began.
///
/// Guarded by `rest`: what has not been told yet.
final class MappingTransactionCursor: TransactionCursor {
    private let rest: Mutex<ArraySlice<MappingContents.Transaction>>

    /// A walk through `transactions`.
    init(_ transactions: ArraySlice<MappingContents.Transaction>) {
        self.rest = Mutex(transactions)
    }

    func next() async throws -> StoredTransaction? {
        guard let transaction = self.rest.withLock({ $0.popFirst() }) else { return nil }
        return StoredTransaction(tid: transaction.tid, status: transaction.status, metadata: transaction.metadata) {
            MappingRecordCursor(transaction)
        }
    }
}

/// A walk through the records of one transaction.
///
/// Guarded by `rest`: what has not been told yet.
private final class MappingRecordCursor: RecordCursor {
    private let tid: TransactionID
    private let rest: Mutex<ArraySlice<MappingContents.Record>>

    init(_ transaction: MappingContents.Transaction) {
        self.tid = transaction.tid
        self.rest = Mutex(transaction.records[...])
    }

    func next() async throws -> StoredRecord? {
        guard let record = self.rest.withLock({ $0.popFirst() }) else { return nil }
        return StoredRecord(oid: record.oid, tid: self.tid, data: record.data, dataTransaction: nil)
    }
}
