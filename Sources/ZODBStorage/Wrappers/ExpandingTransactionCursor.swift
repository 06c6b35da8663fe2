//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// A walk that expands the records it meets.
final class ExpandingTransactionCursor: TransactionCursor {
    private let base: any TransactionCursor

    /// A walk that expands what `base` meets.
    init(_ base: any TransactionCursor) {
        self.base = base
    }

    func next() async throws -> StoredTransaction? {
        guard let transaction = try await self.base.next() else { return nil }
        return StoredTransaction(tid: transaction.tid, status: transaction.status, metadata: transaction.metadata) {
            ExpandingRecordCursor(try await transaction.records())
        }
    }
}

private final class ExpandingRecordCursor: RecordCursor {
    private let base: any RecordCursor

    init(_ base: any RecordCursor) {
        self.base = base
    }

    func next() async throws -> StoredRecord? {
        guard var record = try await self.base.next() else { return nil }
        record.data = try record.data.map { try CompressedRecord.expanded($0) }
        return record
    }
}
