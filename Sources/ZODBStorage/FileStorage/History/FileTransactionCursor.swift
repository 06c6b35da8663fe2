//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Synchronization
import ZODBFormat

/// A walk through the transactions of a data file. It keeps the file as it found it, also when a pack puts another in
/// its place, and holds one transaction's head at a time.
///
/// Guarded by `position`: where the next transaction begins.
final class FileTransactionCursor: TransactionCursor {
    private let transactions: TransactionReader
    private let last: TransactionID
    private let position: Mutex<Int>

    /// A walk from the transaction at `position` to the one named `last`, or the last one before it.
    init(_ transactions: TransactionReader, from position: Int, through last: TransactionID) {
        self.transactions = transactions
        self.last = last
        self.position = Mutex(position)
    }

    func next() async throws -> StoredTransaction? {
        try self.position.withLock { position in
            while position < self.transactions.end {
                let transaction = try self.transactions.transaction(at: position)
                guard transaction.header.tid <= self.last else {
                    position = self.transactions.end
                    break
                }
                position = transaction.end
                let status: TransactionStatus
                switch transaction.header.status {
                case .committed: status = .committed
                case .packed: status = .packed
                case .undone: continue
                case .checkpoint, nil:
                    throw self.transactions.damage("a transaction was not committed", at: transaction.position)
                }
                let file = self.transactions.file
                return StoredTransaction(
                    tid: transaction.header.tid,
                    status: status,
                    metadata: transaction.metadata
                ) {
                    FileRecordCursor(file, transaction)
                }
            }
            return nil
        }
    }
}

/// A walk through the data records of one transaction.
///
/// Guarded by `position`: where the next record begins.
private final class FileRecordCursor: RecordCursor {
    private let records: RecordReader
    private let transaction: Int
    private let end: Int
    private let position: Mutex<Int>

    init(_ file: PositionalFile, _ transaction: TransactionReader.Transaction) {
        self.records = RecordReader(file)
        self.transaction = transaction.position
        self.end = transaction.recordsEnd
        self.position = Mutex(transaction.firstRecord)
    }

    func next() async throws -> StoredRecord? {
        try self.position.withLock { position in
            guard position < self.end else { return nil }
            let record = try self.records.record(at: position, in: self.transaction, endingAt: self.end)
            position += record.header.recordLength
            let header = record.header
            switch try self.records.content(of: record) {
            case .data(let data):
                return StoredRecord(oid: header.oid, tid: header.tid, data: data, dataTransaction: nil)
            case .pointer(0):
                return StoredRecord(oid: header.oid, tid: header.tid, data: nil, dataTransaction: nil)
            case .pointer(let target):
                let source = try self.records.target(target, of: record)
                return StoredRecord(
                    oid: header.oid,
                    tid: header.tid,
                    data: try self.records.dataIfAny(of: source),
                    dataTransaction: source.header.tid
                )
            }
        }
    }
}
