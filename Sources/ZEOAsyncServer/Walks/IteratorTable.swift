//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ZODBFormat
import ZODBStorage

/// The walks that a client has begun and not ended, by the numbers that it knows them by. Transactions and records share
/// their numbers.
struct IteratorTable {
    /// Where a walk is.
    private enum Walk {
        case transactions(any TransactionCursor, last: StoredTransaction?)
        case records(any RecordCursor)
    }

    /// How many walks there may be at once.
    let limit: Int
    private var walks: [Int: Walk] = [:]
    private var next = 0

    init(limit: Int) {
        self.limit = limit
    }

    var count: Int { self.walks.count }

    /// Whether there may be no more.
    var isFull: Bool { self.walks.count >= self.limit }

    /// The number of a new walk through transactions.
    mutating func add(_ cursor: any TransactionCursor) -> Int { self.add(.transactions(cursor, last: nil)) }

    /// The number of a new walk through records.
    mutating func add(_ cursor: any RecordCursor) -> Int { self.add(.records(cursor)) }

    private mutating func add(_ walk: Walk) -> Int {
        defer { self.next += 1 }
        self.walks[self.next] = walk
        return self.next
    }

    func transactions(_ number: Int) -> (any TransactionCursor)? {
        guard case .transactions(let cursor, _) = self.walks[number] else { return nil }
        return cursor
    }

    func records(_ number: Int) -> (any RecordCursor)? {
        guard case .records(let cursor) = self.walks[number] else { return nil }
        return cursor
    }

    /// The transaction that a walk has met last.
    func lastTransaction(_ number: Int) -> StoredTransaction? {
        guard case .transactions(_, let last) = self.walks[number] else { return nil }
        return last
    }

    /// A walk has met a transaction.
    mutating func met(_ transaction: StoredTransaction, by number: Int) {
        guard case .transactions(let cursor, _) = self.walks[number] else { return }
        self.walks[number] = .transactions(cursor, last: transaction)
    }

    /// A walk is over, or nobody wants it any more.
    mutating func remove(_ number: Int) {
        self.walks[number] = nil
    }
}
