//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import Testing
import ZODBFormat

@testable import ZODBStorage

/// What Python's FileStorage tells of the history in a data file, printed by `history.py tell`. Identifiers, texts and
/// data are hexadecimal.
struct PythonHistory: Decodable {
    struct Entry: Decodable, Equatable {
        var tid: String
        var size: Int
        var user: String
        var description: String
    }

    struct Transaction: Decodable, Equatable {
        var tid: String
        var status: String
        var user: String
        var description: String
        var `extension`: String
        var records: [Record]
    }

    struct Record: Decodable, Equatable {
        var oid: String
        var tid: String
        var data: String?
        var dataTransaction: String?
    }

    var undoLog: [Entry]
    var transactions: [Transaction]
    var histories: [String: [Entry]]
    var current: [Record]

    init(of path: String) async throws {
        let output = try await runPython("history.py", ["tell", path])
        let line = try #require(output.split(separator: "\n").last { $0.hasPrefix("{") })
        self = try JSONDecoder().decode(PythonHistory.self, from: Data(line.utf8))
    }

    /// Compares everything that `storage` tells of its history with what Python says.
    func expectEqual(to storage: FileStorage) async throws {
        let log = try await storage.undoableTransactions(skipping: 0, limit: .max) { _ in true }
        #expect(
            log.map { Entry($0.tid, $0.size ?? -1, $0.metadata) } == self.undoLog
        )
        let transactions = try await storage.allTransactions()
        #expect(transactions.count == self.transactions.count)
        for (ours, theirs) in zip(transactions, self.transactions) {
            #expect(Transaction(ours.transaction, ours.records) == theirs)
        }
        #expect(!self.histories.isEmpty)
        for (oid, entries) in self.histories {
            let history = try await storage.history(of: ObjectID(hex: oid), limit: .max)
            #expect(history.map { Entry($0.tid, $0.size, $0.metadata) } == entries)
        }
        let current = try await storage.allCurrentRecords()
        #expect(current.map { Record($0.oid, $0.tid, $0.data, nil) } == self.current)
    }
}

extension PythonHistory.Entry {
    fileprivate init(_ tid: TransactionID, _ size: Int, _ metadata: TransactionMetadata) {
        self.init(tid: tid.hex, size: size, user: metadata.user.hex, description: metadata.description.hex)
    }
}

extension PythonHistory.Record {
    fileprivate init(
        _ oid: ObjectID,
        _ tid: TransactionID,
        _ data: ByteBuffer?,
        _ dataTransaction: TransactionID?
    ) {
        self.init(oid: oid.hex, tid: tid.hex, data: data?.hex, dataTransaction: dataTransaction?.hex)
    }
}

extension PythonHistory.Transaction {
    fileprivate init(_ transaction: StoredTransaction, _ records: [StoredRecord]) {
        self.init(
            tid: transaction.tid.hex,
            status: String(UnicodeScalar(transaction.status.rawValue)),
            user: transaction.metadata.user.hex,
            description: transaction.metadata.description.hex,
            extension: transaction.metadata.extensionData.hex,
            records: records.map { .init($0.oid, $0.tid, $0.data, $0.dataTransaction) }
        )
    }
}

extension Storage {
    /// The transactions in a range of tids, with their records.
    func allTransactions(
        from first: TransactionID = .zero,
        through last: TransactionID = .max
    ) async throws -> [(transaction: StoredTransaction, records: [StoredRecord])] {
        try await self.transactions(from: first, through: last).all()
    }

    /// What a walk from object to object meets.
    func allCurrentRecords() async throws -> [CurrentRecord] {
        var records: [CurrentRecord] = []
        var next: ObjectID? = .root
        while let oid = next, let record = try await self.currentRecord(atOrAfter: oid) {
            records.append(record)
            next = record.next
        }
        return records
    }
}

extension TransactionCursor {
    /// The rest of the walk.
    func all() async throws -> [(transaction: StoredTransaction, records: [StoredRecord])] {
        var transactions: [(StoredTransaction, [StoredRecord])] = []
        while let transaction = try await self.next() {
            var records: [StoredRecord] = []
            let cursor = try await transaction.records()
            while let record = try await cursor.next() { records.append(record) }
            transactions.append((transaction, records))
        }
        return transactions
    }
}
