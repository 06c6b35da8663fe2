//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ZODBFormat

/// Finds where in a data file the transactions from some tid on begin.
///
/// Nothing but the order of the file says where a transaction is, so the search is a walk from transaction to
/// transaction, from that end of the file which is nearer in time.
struct TransactionSearch {
    private static let windowSize = 1 << 16

    private let transactions: TransactionReader
    private var window: FileWindow

    /// A search among the transactions that `transactions` can read.
    init(_ transactions: TransactionReader) {
        let file = transactions.file
        self.transactions = transactions
        self.window = FileWindow(size: transactions.end, windowSize: Self.windowSize) { position, count in
            try file.read(at: position, count: count)
        }
    }

    /// The position of the first transaction whose tid is not below `tid`; the end when there is none.
    mutating func position(from tid: TransactionID) throws -> Int {
        let end = self.transactions.end
        guard end > Recovery.start else { return end }
        let oldest = try self.header(at: Recovery.start).tid
        guard tid > oldest else { return Recovery.start }
        let newest = try self.transaction(endingAt: end)
        guard tid <= newest.header.tid else { return end }
        // Tids are times, nearly: good enough to guess from.
        if tid.rawValue - oldest.rawValue < newest.header.tid.rawValue - tid.rawValue {
            return try self.forward(to: tid)
        }
        return try self.backward(to: tid, from: newest.position)
    }

    private mutating func forward(to tid: TransactionID) throws -> Int {
        var position = Recovery.start
        while position < self.transactions.end {
            let header = try self.header(at: position)
            if header.tid >= tid { return position }
            position += header.length + TransactionHeader.trailerSize
        }
        return position
    }

    /// `position` is that of a transaction whose tid is not below `tid`.
    private mutating func backward(to tid: TransactionID, from position: Int) throws -> Int {
        var position = position
        while position > Recovery.start {
            let previous = try self.transaction(endingAt: position)
            if previous.header.tid < tid { return position }
            position = previous.position
        }
        return position
    }

    private mutating func header(at position: Int) throws -> TransactionHeader {
        guard var bytes = try self.window.bytes(at: position, count: TransactionHeader.size),
            let header = bytes.readTransactionHeader(),
            header.length >= header.headerLength,
            header.length <= self.transactions.end - position - TransactionHeader.trailerSize
        else { throw self.transactions.damage("there is no whole transaction", at: position) }
        return header
    }

    private mutating func transaction(endingAt end: Int) throws -> (header: TransactionHeader, position: Int) {
        guard let found = try self.window.transaction(endingAt: end) else {
            throw self.transactions.damage("no transaction ends here", at: end)
        }
        return found
    }
}
