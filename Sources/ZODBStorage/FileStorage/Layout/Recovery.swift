//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import ZODBFormat

/// Reads a data file from front to back, as it is done when the file is opened, and decides where it ends.
///
/// What stands at the very end and was not written out (a short head, the status of a transaction that had not been
/// committed, a length beyond the end of the file, or the zeros that a file system leaves where a head should be when the
/// machine stops) is torn, and may be cut off: nobody was told that it is there. Anything else that is not as it should
/// be, and every torn piece that has a complete transaction behind it, is damage, and no opening may make it worse.
struct Recovery {
    /// A transaction that the scan has met and found whole.
    struct Transaction {
        var header: TransactionHeader
        var position: Int
        /// Where the record of each object is, in the order of the file.
        var objects: [ObjectPosition]
    }

    /// Where the file ends.
    struct Outcome: Hashable {
        /// The position behind the last whole transaction.
        var end: Int
        /// The tid of the last whole transaction.
        var last: TransactionID
        /// Why the bytes behind `end` are no transaction; `nil` when there are none.
        var torn: String?
        /// The positions of whole transactions whose status does not say that they are committed, though others stand
        /// behind them that are: their statuses were on their way when the machine stopped, and are to be written.
        var unfinished: [Int] = []
    }

    /// What a disk writes whole or not at all.
    private static let sectorSize = 512

    /// The position of the first transaction: behind the four letters that name the format.
    static let start = 4

    private var window: FileWindow
    private let path: String
    private let finishes: Bool

    /// A scan over the file that `window` shows; `path` is for messages. With `finishes` transactions are visited, too,
    /// whose status the caller will write.
    init(_ window: FileWindow, path: String, finishes: Bool = false) {
        self.window = window
        self.path = path
        self.finishes = finishes
    }

    /// Visits every transaction from `position` on, which must be the beginning of one or the end of the file; `last`
    /// is the tid of the transaction before. Undone transactions are not visited.
    ///
    /// Throws `StorageError.corrupted` with the position of the damage.
    mutating func scan(
        from position: Int = Self.start,
        after last: TransactionID = .zero,
        visit: (Transaction) throws -> Void
    ) throws -> Outcome {
        var outcome = Outcome(end: position, last: last, torn: nil)
        while outcome.end < self.window.size {
            let position = outcome.end
            guard var bytes = try self.window.bytes(at: position, count: TransactionHeader.size),
                let header = bytes.readTransactionHeader()
            else {
                outcome.torn = "the head of a transaction is cut short"
                break
            }
            if self.finishes, header.status == .checkpoint,
                try self.isCommittedBehind(position, after: outcome.last)
            {
                outcome.unfinished.append(position)
            } else if let torn = try self.reasonForTear(header, at: position) ?? self.reasonForGap(at: position) {
                if let whole = try self.firstWholeTransaction(behind: position, after: outcome.last) {
                    throw self.damage("\(torn), and a complete transaction begins at \(whole)", at: position)
                }
                outcome.torn = torn
                break
            }
            let transaction = try self.transaction(header, at: position, after: outcome.last)
            if header.status != .undone { try visit(transaction) }
            outcome.last = header.tid
            outcome.end = position + header.length + TransactionHeader.trailerSize
        }
        return outcome
    }

    private func reasonForTear(_ header: TransactionHeader, at position: Int) -> String? {
        if header.status == .checkpoint { return "a transaction was not committed" }
        let end = position + header.length + TransactionHeader.trailerSize
        return end > self.window.size ? "a transaction runs past the end of the file" : nil
    }

    /// Why nothing can be at a position: the sector in which its status would be was never written.
    private mutating func reasonForGap(at position: Int) throws -> String? {
        let status = position + TransactionHeader.statusOffset
        let begin = max(position, status / Self.sectorSize * Self.sectorSize)
        let end = min(position + TransactionHeader.size, (status / Self.sectorSize + 1) * Self.sectorSize)
        let bytes = try self.window.bytes(at: begin, count: end - begin)
        return bytes?.readableBytesView.allSatisfy { $0 == 0 } == true ? "there are zeros and no transaction" : nil
    }

    /// Whether the transaction at a position is whole, and so are those behind it up to one that is committed.
    private mutating func isCommittedBehind(_ position: Int, after last: TransactionID) throws -> Bool {
        var (position, last) = (position, last)
        while var bytes = try self.window.bytes(at: position, count: TransactionHeader.size),
            let header = bytes.readTransactionHeader(),
            position + header.length + TransactionHeader.trailerSize <= self.window.size,
            try self.isWhole(header, at: position, after: last)
        {
            if header.status != .checkpoint { return true }
            last = header.tid
            position += header.length + TransactionHeader.trailerSize
        }
        return false
    }

    /// Reads the data records of a transaction that lies within the file, and checks whatever can be checked.
    private mutating func transaction(
        _ header: TransactionHeader,
        at position: Int,
        after last: TransactionID
    ) throws -> Transaction {
        guard header.tid > last else {
            throw self.damage("transaction \(header.tid) follows on \(last): time runs backwards", at: position)
        }
        guard header.tid < .max else {
            throw self.damage("\(header.tid) is beyond the last transaction identifier", at: position)
        }
        guard let status = header.status else {
            throw self.damage("a transaction has the unknown status \(header.statusByte)", at: position)
        }
        let end = position + header.length
        guard header.length >= header.headerLength else {
            throw self.damage("a transaction is shorter than its head", at: position)
        }
        guard var trailer = try self.window.bytes(at: end, count: TransactionHeader.trailerSize),
            trailer.readFilePosition() == header.length
        else {
            throw self.damage("the two lengths of a transaction differ", at: position)
        }
        var transaction = Transaction(header: header, position: position, objects: [])
        guard status != .undone else { return transaction }
        var recordPosition = position + header.headerLength
        while recordPosition < end {
            let record = try self.dataHeader(at: recordPosition, end: end, tid: header.tid, transaction: position)
            transaction.objects.append(ObjectPosition(oid: record.oid, position: recordPosition))
            recordPosition += record.recordLength
        }
        return transaction
    }

    private mutating func dataHeader(
        at position: Int,
        end: Int,
        tid: TransactionID,
        transaction: Int
    ) throws -> DataHeader {
        guard position + DataHeader.size <= end,
            var bytes = try self.window.bytes(at: position, count: DataHeader.size),
            let header = bytes.readDataHeader(),
            header.recordLength <= end - position
        else {
            throw self.damage("a data record does not fit into its transaction", at: position)
        }
        guard header.transaction == transaction, header.tid == tid, header.versionLength == 0 else {
            throw self.damage("a data record does not belong to its transaction", at: position)
        }
        guard header.previous < position else {
            throw self.damage("a data record follows on one behind it", at: position)
        }
        if header.dataLength == 0 {
            let pointer = try self.window.bytes(at: position + DataHeader.size, count: DataHeader.pointerSize)
            guard var pointer, let target = pointer.readFilePosition(), target < position else {
                throw self.damage("a data record points to one behind it", at: position)
            }
        }
        return header
    }

    /// Where a whole transaction begins somewhere behind `position`; `nil` when there is none.
    ///
    /// Records name the position of their transaction, so that a data file within an object is not taken for a part
    /// of this one.
    private mutating func firstWholeTransaction(behind position: Int, after last: TransactionID) throws -> Int? {
        if try self.isZero(from: position) { return nil }
        let smallest = TransactionHeader.size + TransactionHeader.trailerSize
        var candidate = position + 1
        while candidate + smallest <= self.window.size {
            if var bytes = try self.window.bytes(at: candidate, count: TransactionHeader.size),
                // Nearly every candidate fails here: lengths begin with zeros.
                bytes.getInteger(at: bytes.readerIndex + 8, as: UInt16.self) == 0,
                let header = bytes.readTransactionHeader(),
                header.length >= TransactionHeader.size,
                self.reasonForTear(header, at: candidate) == nil,
                try self.isWhole(header, at: candidate, after: last)
            {
                return candidate
            }
            candidate += 1
        }
        return nil
    }

    private mutating func isWhole(
        _ header: TransactionHeader,
        at position: Int,
        after last: TransactionID
    ) throws -> Bool {
        do {
            _ = try self.transaction(header, at: position, after: last)
            return true
        } catch let error as StorageError where error.code == .corrupted {
            return false
        }
    }

    private mutating func isZero(from position: Int) throws -> Bool {
        var position = position
        while position < self.window.size {
            let count = min(self.window.size - position, 1 << 16)
            guard let bytes = try self.window.bytes(at: position, count: count),
                bytes.readableBytesView.allSatisfy({ $0 == 0 })
            else { return false }
            position += count
        }
        return true
    }

    private func damage(_ problem: String, at position: Int) -> StorageError {
        StorageError(.corrupted, "\(self.path) is damaged at position \(position): \(problem); nothing was changed")
    }
}
