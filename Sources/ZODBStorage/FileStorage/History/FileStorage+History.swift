//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Dispatch
public import ZODBFormat

extension FileStorage {
    public func history(of oid: ObjectID, limit: Int, metadataLimit: Int) async throws -> [RevisionSummary] {
        try self.reader().history(of: oid, limit: limit, metadataLimit: metadataLimit)
    }

    public func undoableTransactions(
        skipping skipped: Int,
        limit: Int,
        metadataLimit: Int,
        where matches: @Sendable (UndoableTransaction) -> Bool
    ) async throws -> [UndoableTransaction] {
        try self.checkOpen()
        let visible = self.history.last
        let (file, end) = try self.index.extent()
        var log = UndoLog(file, end: end, visible: visible)
        var skipped = max(0, skipped)
        var found: [UndoableTransaction] = []
        var budget = MetadataBudget(metadataLimit)
        while found.count < limit, !budget.isSpent, !log.isAtEnd {
            try Task.checkCancellation()
            let walk = log
            let (batch, rest) = try await Self.reading {
                var walk = walk
                return (try walk.next(100), walk)
            }
            log = rest
            for transaction in batch where found.count < limit && !budget.isSpent && matches(transaction) {
                if skipped > 0 {
                    skipped -= 1
                } else {
                    found.append(transaction)
                    budget.spend(transaction.metadata)
                }
            }
        }
        return found
    }

    public func transactions(
        from first: TransactionID,
        through last: TransactionID
    ) async throws -> any TransactionCursor {
        try self.checkOpen()
        // The order matters: what is visible now is in the file in front of the end that is asked for after this.
        let last = min(last, self.history.last)
        let (file, end) = try self.index.extent()
        let transactions = TransactionReader(file, end: end)
        let start =
            switch first {
            case .zero: Recovery.start
            case _ where first > last: end
            default:
                try await Self.reading {
                    var search = TransactionSearch(transactions)
                    return try search.position(from: first)
                }
            }
        return FileTransactionCursor(transactions, from: start, through: last)
    }

    public func currentRecord(atOrAfter oid: ObjectID) async throws -> CurrentRecord? {
        try self.reader().currentRecord(atOrAfter: oid)
    }

    /// Runs what may read much of the file on a thread where nobody minds that it blocks.
    static func reading<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global(qos: .userInitiated).async { continuation.resume(with: .init(catching: body)) }
        }
    }
}
