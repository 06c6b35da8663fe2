//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import ZODBFormat

/// Transactions of a storage, for `for try await`; each loop walks through them anew.
///
/// ```swift
/// for try await transaction in storage.storedTransactions() {
///     for try await record in transaction.storedRecords { print(transaction.tid, record.oid) }
/// }
/// ```
public struct StoredTransactions: AsyncSequence, Sendable {
    let storage: any Storage
    let first: TransactionID
    let last: TransactionID

    /// One walk. Throws what `Storage.transactions(from:through:)` and its cursor throw.
    public struct AsyncIterator: AsyncIteratorProtocol {
        let transactions: StoredTransactions
        private var cursor: (any TransactionCursor)?

        init(_ transactions: StoredTransactions) {
            self.transactions = transactions
        }

        public mutating func next() async throws -> StoredTransaction? {
            if let cursor { return try await cursor.next() }
            let (storage, first, last) = (self.transactions.storage, self.transactions.first, self.transactions.last)
            let cursor = try await storage.transactions(from: first, through: last)
            self.cursor = cursor
            return try await cursor.next()
        }
    }

    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(self) }
}

/// Records of a transaction, for `for try await`; each loop walks through them anew.
public struct StoredRecords: AsyncSequence, Sendable {
    let transaction: StoredTransaction

    /// One walk. Throws what `StoredTransaction.records()` and its cursor throw.
    public struct AsyncIterator: AsyncIteratorProtocol {
        let transaction: StoredTransaction
        private var cursor: (any RecordCursor)?

        init(_ transaction: StoredTransaction) {
            self.transaction = transaction
        }

        public mutating func next() async throws -> StoredRecord? {
            if let cursor { return try await cursor.next() }
            let cursor = try await self.transaction.records()
            self.cursor = cursor
            return try await cursor.next()
        }
    }

    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(self.transaction) }
}

extension Storage {
    /// The visible transactions in a range of tids, both ends included, oldest first. How far the walk sees what is
    /// committed meanwhile is the storage's affair.
    public func storedTransactions(
        from first: TransactionID = .zero,
        through last: TransactionID = .max
    ) -> StoredTransactions {
        StoredTransactions(storage: self, first: first, last: last)
    }
}

extension StoredTransaction {
    /// What the transaction wrote.
    public var storedRecords: StoredRecords { StoredRecords(transaction: self) }
}
