//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ZODBFormat

/// A transaction that is to be undone, and where it is.
struct UndoneTransaction: Sendable {
    /// The file that it is in. A pack puts another in its place.
    let file: PositionalFile
    let transaction: TransactionReader.Transaction

    /// Looks for a transaction from the end of the file on.
    ///
    /// Throws `StorageError.undoFailed` where there is none, and where it is one that cannot be undone.
    init(_ tid: TransactionID, in file: PositionalFile, end: Int) throws {
        var window = FileWindow(size: end, windowSize: 1 << 14) { position, count in
            try file.read(at: position, count: count)
        }
        let transactions = TransactionReader(file, end: end)
        var end = end
        while end > Recovery.start {
            guard let (header, position) = try window.transaction(endingAt: end) else {
                throw transactions.damage("no transaction ends here", at: end)
            }
            if header.tid == tid {
                guard header.status == .committed else { throw StorageError.notUndoable }
                self.file = file
                self.transaction = try transactions.transaction(at: position)
                return
            }
            guard header.tid > tid else { break }
            end = position
        }
        throw StorageError.invalidUndo
    }

    /// Visits the data records of the transaction.
    func forEachRecord(_ body: (RecordReader.Record) throws -> Void) throws {
        let records = RecordReader(self.file)
        var position = self.transaction.firstRecord
        while position < self.transaction.recordsEnd {
            let record = try records.record(
                at: position,
                in: self.transaction.position,
                endingAt: self.transaction.recordsEnd
            )
            try body(record)
            position += record.header.recordLength
        }
    }
}
