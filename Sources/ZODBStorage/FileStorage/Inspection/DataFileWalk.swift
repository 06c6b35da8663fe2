//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import ZODBFormat

/// A transaction of a data file that may be damaged, as far as it can be read.
struct InspectedTransaction {
    /// A data record with a sound head that lies within its transaction.
    struct Record {
        var header: DataHeader
        var position: Int
        /// For a record without data: where the record with the data is; zero where the object's creation was undone.
        var pointer: Int?
    }

    var header: TransactionHeader
    var position: Int
    /// The records in front of the first one that is damaged; none for a transaction that was undone.
    var records: [Record] = []
    /// Why the transaction is not whole; empty when it is.
    var damage: [DataFileFault] = []
    /// What is wrong where the file says something twice, so that nothing is lost.
    var slips: [DataFileFault] = []
    /// Where the next transaction is to be looked for.
    var end: Int

    /// Whether everything that the transaction wrote is there.
    var isWhole: Bool { self.damage.isEmpty }

    /// How far the transaction is behind the place for which it was written; `nil` where its records do not agree.
    var displacement: Int? {
        guard let first = self.records.first?.header.transaction else { return 0 }
        return self.records.allSatisfy { $0.header.transaction == first } ? self.position - first : nil
    }
}

/// Reads a data file that may be damaged anywhere, from front to back: what is whole, and what is wrong where.
///
/// Where a transaction cannot be read, the walk goes on at the next whole one. Each piece of the file is looked at
/// once, and memory is needed for one window and the heads of one transaction.
struct DataFileWalk {
    /// A piece of the file.
    enum Step {
        case transaction(InspectedTransaction)
        /// Bytes that are no transaction, up to a position.
        case damage(DataFileFault, through: Int)
    }

    private(set) var window: FileWindow
    /// Where the next piece begins.
    private(set) var position: Int
    /// The tid of the last transaction whose place in time is certain.
    private(set) var last: TransactionID = .zero

    /// A walk that begins at a position, which must be the beginning of a transaction or the end of the file.
    init(_ window: FileWindow, from position: Int = Recovery.start) {
        self.window = window
        self.position = position
    }

    /// The next piece of the file; `nil` at its end.
    mutating func next() throws -> Step? {
        let position = self.position
        guard position < self.window.size else { return nil }
        guard let header = try self.header(at: position) else {
            return self.skip(.torn, "the head of a transaction is cut short", through: self.window.size)
        }
        if let problem = self.problem(of: header, at: position) {
            return try self.resume(header, problem)
        }
        var transaction = try self.inspect(header, at: position)
        if transaction.end == position {
            // Neither its records nor its closing length bear out the length in its head.
            let problem = transaction.damage.first?.problem ?? "a transaction has a wrong length"
            guard let next = try self.nextWhole(behind: position) else {
                transaction.end = self.window.size
                try self.checkOrder(&transaction)
                self.position = transaction.end
                return .transaction(transaction)
            }
            if transaction.records.isEmpty {
                return self.skip(.transaction, problem, through: next)
            }
            transaction.end = next
        }
        try self.checkOrder(&transaction)
        self.position = transaction.end
        return .transaction(transaction)
    }

    /// Compares the tid with those around it, and takes it for the last one unless it is wrong.
    private mutating func checkOrder(_ transaction: inout InspectedTransaction) throws {
        let (tid, position) = (transaction.header.tid, transaction.position)
        func fault(_ problem: String) -> DataFileFault { DataFileFault(.order, at: position, problem) }
        let isBorneOut = transaction.records.contains { $0.header.tid == tid }
        if tid <= self.last {
            transaction.damage.append(fault("transaction \(tid) follows on \(self.last): time runs backwards"))
        } else if tid >= .max {
            transaction.damage.append(fault("\(tid) is beyond the last transaction identifier"))
        } else if !isBorneOut, let next = try self.header(at: transaction.end),
            self.problem(of: next, at: transaction.end) == nil, next.tid > self.last, next.tid <= tid
        {
            // No record bears the tid out, and what follows does not, either.
            transaction.damage.append(fault("transaction \(tid) stands in front of \(next.tid)"))
        } else if isBorneOut || transaction.isWhole {
            self.last = tid
        } else if !transaction.records.isEmpty {
            transaction.damage.append(fault("no record bears out the tid \(tid) of a damaged transaction"))
        }
    }

    private mutating func header(at position: Int) throws -> TransactionHeader? {
        var bytes = try self.window.bytes(at: position, count: TransactionHeader.size)
        return bytes?.readTransactionHeader()
    }

    /// What is wrong with a head by itself.
    private func problem(of header: TransactionHeader, at position: Int) -> String? {
        switch header.status {
        case nil: return "a transaction has the unknown status \(header.statusByte)"
        case .checkpoint: return "a transaction was not committed"
        case .committed, .packed, .undone: break
        }
        if header.length > self.window.size - TransactionHeader.trailerSize - position {
            return "a transaction runs past the end of the file"
        }
        return header.length < header.headerLength ? "a transaction is shorter than its head" : nil
    }

    /// Goes on behind a head that cannot be believed.
    private mutating func resume(_ header: TransactionHeader, _ problem: String) throws -> Step {
        if let next = try self.nextWhole(behind: self.position) {
            return self.skip(.transaction, problem, through: next)
        }
        if header.length == 0, try self.window.isZero(from: self.position) {
            return self.skip(.torn, "there are only zeros", through: self.window.size)
        }
        let isTear = header.status != nil && header.length >= header.headerLength
        return self.skip(isTear ? .torn : .transaction, problem, through: self.window.size)
    }

    private mutating func skip(_ kind: DataFileFault.Kind, _ problem: String, through end: Int) -> Step {
        defer { self.position = end }
        let count = end - self.position
        let problem = "\(problem); the next \(count) bytes are lost"
        return .damage(DataFileFault(kind, at: self.position, problem), through: end)
    }
}

// MARK: One transaction

extension DataFileWalk {
    /// Reads a transaction whose head is sound. Its `end` is its own position when no length bears out the one in the
    /// head.
    private mutating func inspect(_ header: TransactionHeader, at position: Int) throws -> InspectedTransaction {
        let trailer = position + header.length
        var transaction = InspectedTransaction(
            header: header,
            position: position,
            end: trailer + TransactionHeader.trailerSize
        )
        var closing = try self.window.bytes(at: trailer, count: TransactionHeader.trailerSize)
        let length = closing?.readFilePosition()
        if header.status != .undone { try self.inspectRecords(of: &transaction, through: trailer) }
        guard length != header.length else { return transaction }
        let fault = DataFileFault(
            .transaction,
            at: trailer,
            "the length of the transaction at \(position) is \(header.length) in front and \(length ?? 0) behind"
        )
        if transaction.isWhole, !transaction.records.isEmpty {
            transaction.slips.append(fault)
        } else {
            transaction.damage.append(fault)
            transaction.end = position
        }
        return transaction
    }

    private mutating func inspectRecords(of transaction: inout InspectedTransaction, through end: Int) throws {
        var position = transaction.position + transaction.header.headerLength
        while position < end {
            let record: InspectedTransaction.Record
            do throws(DataFileFault) {
                record = try self.record(at: position, through: end, of: transaction)
            } catch {
                // Where no record begins, the length of the one before is wrong, which then ends elsewhere.
                if !self.isRecord(at: position, of: transaction), !transaction.records.isEmpty {
                    transaction.records.removeLast()
                }
                transaction.damage.append(error)
                return
            }
            let oid = record.header.oid
            if record.header.transaction != transaction.position {
                transaction.slips.append(
                    DataFileFault(
                        .record,
                        at: position,
                        "the record of object \(oid) names \(record.header.transaction) as the place of its transaction, "
                            + "which is at \(transaction.position)"
                    )
                )
            }
            if record.header.tid != transaction.header.tid {
                transaction.slips.append(
                    DataFileFault(
                        .record,
                        at: position,
                        "the record of object \(oid) has the tid \(record.header.tid) in transaction "
                            + "\(transaction.header.tid)"
                    )
                )
            }
            transaction.records.append(record)
            position += record.header.recordLength
        }
        try self.checkTID(of: &transaction)
    }

    /// Where several records agree on another tid than the head has, the head is wrong.
    private func checkTID(of transaction: inout InspectedTransaction) throws {
        guard transaction.records.count > 1, let tid = transaction.records.first?.header.tid,
            tid != transaction.header.tid, transaction.records.allSatisfy({ $0.header.tid == tid })
        else { return }
        transaction.slips.removeAll()
        transaction.damage.append(
            DataFileFault(
                .transaction,
                at: transaction.position,
                "transaction \(transaction.header.tid) is \(tid) in all its records"
            )
        )
    }

    private mutating func isRecord(at position: Int, of transaction: InspectedTransaction) -> Bool {
        guard let header = self.dataHeader(at: position) else { return false }
        return header.tid == transaction.header.tid || header.transaction == transaction.position
    }

    private mutating func record(
        at position: Int,
        through end: Int,
        of transaction: InspectedTransaction
    ) throws(DataFileFault) -> InspectedTransaction.Record {
        func fault(_ problem: String) -> DataFileFault { DataFileFault(.record, at: position, problem) }
        guard end - position > DataHeader.size, let header = self.dataHeader(at: position)
        else { throw fault("a data record does not fit into its transaction") }
        // Either says to which transaction a record belongs.
        guard header.tid == transaction.header.tid || header.transaction == transaction.position else {
            throw fault("a data record has the tid \(header.tid) in transaction \(transaction.header.tid)")
        }
        guard header.versionLength == 0 else { throw fault("a data record belongs to a version") }
        guard header.dataLength <= end - position - DataHeader.size else {
            throw fault("a data record of \(header.dataLength) bytes runs past the end of its transaction")
        }
        guard header.dataLength == 0 else {
            return InspectedTransaction.Record(header: header, position: position, pointer: nil)
        }
        guard end - position >= header.recordLength,
            var bytes = try? self.window.bytes(at: position + DataHeader.size, count: DataHeader.pointerSize),
            let pointer = bytes.readFilePosition()
        else { throw fault("a data record cannot be read") }
        return InspectedTransaction.Record(header: header, position: position, pointer: pointer)
    }

    private mutating func dataHeader(at position: Int) -> DataHeader? {
        guard var bytes = try? self.window.bytes(at: position, count: DataHeader.size) else { return nil }
        return bytes.readDataHeader()
    }
}

// MARK: The next whole transaction

extension DataFileWalk {
    /// Where the first whole transaction behind a position is.
    ///
    /// One whose records name another place counts only where there is none that stands in its own: a data file within
    /// an object is not to be taken for a part of this one, while everything behind a piece that is missing has moved.
    private mutating func nextWhole(behind position: Int) throws -> Int? {
        var displaced: Int?
        var candidate = position + 1
        while let found = try self.nextCandidate(from: candidate) {
            if let header = try self.header(at: found), header.tid > self.last, header.tid < .max,
                self.problem(of: header, at: found) == nil
            {
                let transaction = try self.inspect(header, at: found)
                if transaction.isWhole, transaction.end > found {
                    if transaction.slips.isEmpty { return found }
                    if displaced == nil, !transaction.records.isEmpty, transaction.displacement != nil {
                        displaced = found
                    }
                }
            }
            candidate = found + 1
        }
        return displaced
    }

    /// The next position whose bytes can be the head of a transaction: a length begins with zeros, and only three
    /// statuses occur.
    private mutating func nextCandidate(from position: Int) throws -> Int? {
        var start = position
        let smallest = TransactionHeader.size + TransactionHeader.trailerSize
        while self.window.size - start >= smallest {
            let count = min(self.window.size - start, 1 << 16)
            guard let bytes = try self.window.bytes(at: start, count: count) else { return nil }
            let view = bytes.readableBytesView
            let first = view.startIndex
            for offset in 0...(count - smallest) {
                let status = view[first + offset + 16]
                guard status == 0x20 || status == 0x70 || status == 0x75, view[first + offset + 8] == 0,
                    view[first + offset + 9] == 0
                else { continue }
                return start + offset
            }
            start += count - smallest + 1
        }
        return nil
    }
}

extension DataFileFault: Error {}

extension FileWindow {
    /// Whether there is nothing but zeros from a position on.
    mutating func isZero(from position: Int) throws -> Bool {
        var position = position
        while position < self.size {
            let count = min(self.size - position, 1 << 16)
            guard let bytes = try self.bytes(at: position, count: count),
                bytes.readableBytesView.allSatisfy({ $0 == 0 })
            else { return false }
            position += count
        }
        return true
    }
}
