//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import ZODBFormat

/// Goes through the transactions of a data file, front to back, and through the data records of each, in large reads.
///
/// Checks whatever can be checked without a look elsewhere in the file: a pack must not copy damage into a new file and
/// throw the old one away.
struct RecordWalk {
    /// A data record that has been met.
    struct Record {
        var header: DataHeader
        var position: Int
        /// Where the record is that has the data; zero for a record that has it itself, and for one that says that
        /// the object's creation was undone.
        var pointer: Int

        /// Whether the record says that the object's creation was undone.
        var isUndoneCreation: Bool { self.header.dataLength == 0 && self.pointer == 0 }
    }

    private var window: FileWindow
    private let path: String

    /// A walk through the part of a file that lies in front of `end`.
    init(_ file: PositionalFile, end: Int, windowSize: Int = 1 << 20) {
        self.window = FileWindow(size: end, windowSize: windowSize) { position, count in
            try file.read(at: position, count: count)
        }
        self.path = file.path
    }

    /// The head of the transaction at a position.
    mutating func transaction(at position: Int) throws -> TransactionHeader {
        guard var bytes = try self.window.bytes(at: position, count: TransactionHeader.size),
            let header = bytes.readTransactionHeader(), header.length >= header.headerLength,
            header.length + TransactionHeader.trailerSize <= self.window.size - position
        else { throw self.damage("a transaction does not fit into the file", at: position) }
        switch header.status {
        case .committed, .packed, .undone: return header
        case .checkpoint, nil:
            throw self.damage("a transaction has the status \(header.statusByte)", at: position)
        }
    }

    /// Meets every data record of a transaction, then checks the transaction's repeated length; returns the position
    /// behind it. Undone transactions have no records that count.
    mutating func records(
        of transaction: TransactionHeader,
        at position: Int,
        visit: (inout RecordWalk, Record) throws -> Void
    ) throws -> Int {
        let end = position + transaction.length
        var recordPosition = transaction.status == .undone ? end : position + transaction.headerLength
        while recordPosition < end {
            let record = try self.record(at: recordPosition, of: transaction, at: position)
            try visit(&self, record)
            recordPosition += record.header.recordLength
        }
        guard var trailer = try self.window.bytes(at: end, count: TransactionHeader.trailerSize),
            trailer.readFilePosition() == transaction.length
        else { throw self.damage("the two lengths of a transaction differ", at: position) }
        return end + TransactionHeader.trailerSize
    }

    /// The bytes at a position, which must be in front of the end.
    mutating func bytes(at position: Int, count: Int) throws -> ByteBuffer {
        guard let bytes = try self.window.bytes(at: position, count: count) else {
            throw self.damage("the file ends too early", at: position)
        }
        return bytes
    }

    /// The data of a record that has it itself.
    mutating func data(of record: Record) throws -> ByteBuffer {
        guard record.header.dataLength <= PositionalFile.maximumCount else {
            throw StorageError(
                .tooLarge,
                "the record at position \(record.position) of \(self.path) has \(record.header.dataLength) bytes; "
                    + "\(PositionalFile.maximumCount) can be read",
                oid: record.header.oid
            )
        }
        return try self.bytes(at: record.position + DataHeader.size, count: record.header.dataLength)
    }

    /// The record of any object at a position that was met before.
    mutating func record(at position: Int) throws -> Record {
        guard var bytes = try self.window.bytes(at: position, count: DataHeader.size + DataHeader.pointerSize),
            let header = bytes.readDataHeader(), let pointer = bytes.readFilePosition()
        else { throw self.damage("a data record does not fit into the file", at: position) }
        return Record(header: header, position: position, pointer: header.dataLength == 0 ? pointer : 0)
    }

    private mutating func record(
        at position: Int,
        of transaction: TransactionHeader,
        at transactionPosition: Int
    ) throws -> Record {
        let end = transactionPosition + transaction.length
        guard end - position >= DataHeader.size + 1 else {
            throw self.damage("a data record does not fit into its transaction", at: position)
        }
        // Behind the last record there is the repeated length at least, so that eight bytes more can always be read.
        let record = try self.record(at: position)
        guard record.header.recordLength <= end - position else {
            throw self.damage("a data record does not fit into its transaction", at: position)
        }
        guard record.header.transaction == transactionPosition, record.header.tid == transaction.tid,
            record.header.versionLength == 0
        else { throw self.damage("a data record does not belong to its transaction", at: position) }
        guard record.header.previous < position, record.pointer < position else {
            throw self.damage("a data record points to one behind it", at: position)
        }
        return record
    }

    private func damage(_ problem: String, at position: Int) -> StorageError {
        StorageError(
            .corrupted,
            "\(self.path) is damaged at position \(position): \(problem); it was not packed, and nothing was changed"
        )
    }
}
