//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ZODBFormat

/// Walks back through the transactions of a data file that may be undone, some at a time.
///
/// A pack leaves nothing to go back to, so the walk ends at the first transaction that says a pack has copied it.
struct UndoLog: Sendable {
    private let file: PositionalFile
    private let visible: TransactionID
    private var end: Int

    /// Whether the walk is over.
    private(set) var isAtEnd: Bool

    /// A walk that begins at `end`, behind a whole transaction, and passes over those newer than `visible`.
    init(_ file: PositionalFile, end: Int, visible: TransactionID) {
        self.file = file
        self.visible = visible
        self.end = end
        self.isAtEnd = end <= Recovery.start
    }

    /// The next transactions, newest first, at most `limit`; fewer only at the end of the walk.
    mutating func next(_ limit: Int) throws -> [UndoableTransaction] {
        let file = self.file
        var window = FileWindow(size: self.end, windowSize: 1 << 14) { position, count in
            try file.read(at: position, count: count)
        }
        var found: [UndoableTransaction] = []
        while found.count < limit, !self.isAtEnd {
            let transactions = TransactionReader(file, end: self.end)
            guard let (header, position) = try window.transaction(endingAt: self.end) else {
                throw transactions.damage("no transaction ends here", at: self.end)
            }
            if header.status == .packed, header.tid <= self.visible {
                self.isAtEnd = true
                break
            }
            if header.status == .committed, header.tid <= self.visible {
                let transaction = try transactions.transaction(at: position)
                found.append(
                    UndoableTransaction(tid: header.tid, size: header.length, metadata: transaction.metadata)
                )
            }
            self.end = position
            self.isAtEnd = position <= Recovery.start
        }
        return found
    }
}
