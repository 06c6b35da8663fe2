//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import ZODBFormat

/// Copies whatever is whole in a damaged data file into a new one. The damaged file is only read.
///
/// What a file says twice is mended: places of previous revisions and of transactions, lengths at the end of
/// transactions. Data that lie in a piece that is dropped, and to which a whole record points, are written out with that
/// record where they can be read. Memory is needed as for a check.
package struct DataFileRecovery {
    /// What a recovery meets, in the order of the file.
    package enum Event: Sendable {
        /// A transaction that was copied; `isPartial` where records of it were lost.
        case copied(DataFileTransaction, records: Int, isPartial: Bool)
        /// A transaction that was left out.
        case dropped(DataFileTransaction)
        case fault(DataFileFault)
        /// So many bytes of the damaged file have been read.
        case progress(Int, of: Int)
    }

    /// What was done.
    package struct Summary: Hashable, Sendable {
        package var copiedTransactions = 0
        package var copiedRecords = 0
        package var objects = 0
        package var droppedTransactions = 0
        /// How many bytes of the damaged file are not in the new one, transactions that were undone not counted.
        package var droppedBytes = 0
        package var faults = 0
        package var bytes = 0
    }

    /// A record on its way into the new file.
    private struct Planned {
        var record: InspectedTransaction.Record
        /// Where the data are in the damaged file, when they have to be written out.
        var inlined: DataHeader?
        var inlinedPosition = 0
        /// Where the data are in the new file.
        var pointer: Int?

        var length: Int { DataHeader.recordLength(ofData: self.inlined?.dataLength ?? self.record.header.dataLength) }
    }

    private let input: DataFileInput
    private let keepsPartial: Bool
    private let visit: (Event) throws -> Void
    private var output: SequentialOutput
    private var pieces = CopiedPieces()
    private var table = ObjectIndexTable()
    private var summary = Summary()

    /// Recovers the data file at `path` into a new file at `outputPath`, with an index file beside it.
    ///
    /// The new file appears whole or not at all. With `keepsPartial` the sound records in front of the first damaged one
    /// of a transaction are kept, too, and the transaction is marked as packed. An existing file is replaced only with
    /// `overwrites`, and never while it is open for writing.
    package static func run(
        _ path: String,
        into outputPath: String,
        keepsPartial: Bool = false,
        overwrites: Bool = false,
        visit: (Event) throws -> Void
    ) throws -> Summary {
        let input = try DataFileInput(path)
        try Self.check(input, path, outputPath, overwrites)
        let lock = try FileLock(for: outputPath)
        defer { lock.release() }
        let temporaryPath = outputPath + ".recovering"
        try FileSystem.remove(temporaryPath)
        do {
            let file = try PositionalFile(temporaryPath, .create)
            let summary = try withoutActuallyEscaping(visit) { visit in
                var recovery = DataFileRecovery(input, SequentialOutput(file), keepsPartial, visit)
                try recovery.copy()
                let indexPath = IndexFile.path(for: outputPath)
                try FileSystem.remove(indexPath)
                try FileSystem.rename(temporaryPath, to: outputPath)
                try FileSystem.synchronizeFolder(of: outputPath)
                try IndexFile.write(
                    IndexFile.Contents(table: recovery.table, end: recovery.output.position),
                    to: indexPath
                )
                return recovery.summary
            }
            return summary
        } catch {
            try? FileSystem.remove(temporaryPath)
            throw error
        }
    }

    private static func check(
        _ input: DataFileInput,
        _ path: String,
        _ outputPath: String,
        _ overwrites: Bool
    ) throws {
        if FileSystem.isSameFile(path, outputPath) {
            throw StorageError(.invalidArgument, "\(outputPath) is the file that is to be recovered")
        }
        if !overwrites, FileSystem.exists(outputPath) {
            throw StorageError(.invalidArgument, "\(outputPath) exists already")
        }
        guard input.size > 0 else { throw StorageError(.unsupportedFormat, "\(path) is empty") }
        guard let fault = try input.formatFault() else { return }
        if try input.format() != DataFileInput.python2Format {
            // A data file may be damaged in its first letters, too.
            var walk = input.walk()
            while let step = try walk.next() {
                if case .transaction(let transaction) = step, transaction.isWhole { return }
            }
        }
        throw StorageError(.unsupportedFormat, "\(path) is no data file that can be recovered: \(fault.problem)")
    }

    private init(
        _ input: DataFileInput,
        _ output: SequentialOutput,
        _ keepsPartial: Bool,
        _ visit: @escaping (Event) throws -> Void
    ) {
        self.input = input
        self.output = output
        self.keepsPartial = keepsPartial
        self.visit = visit
    }

    private mutating func copy() throws {
        try self.output.append { $0.writeImmutableBuffer(DataFileInput.currentFormat) }
        if let fault = try self.input.formatFault() { try self.report(fault) }
        var walk = self.input.walk()
        while let step = try walk.next() {
            switch step {
            case .damage(let fault, let end):
                try self.report(fault)
                self.summary.droppedBytes += end - (fault.position ?? end)
            case .transaction(let transaction):
                try self.take(transaction)
            }
            try self.visit(.progress(walk.position, of: self.input.size))
        }
        try self.output.finish()
        self.summary.objects = self.table.count
        self.summary.bytes = self.output.position
    }

    private mutating func report(_ fault: DataFileFault) throws {
        self.summary.faults += 1
        try self.visit(.fault(fault))
    }

    private mutating func take(_ transaction: InspectedTransaction) throws {
        for fault in transaction.slips + transaction.damage { try self.report(fault) }
        // Nobody asks for what was undone, and Python's tools leave it out, too.
        if transaction.isWhole, transaction.header.status == .undone { return }
        let isInOrder = !transaction.damage.contains { $0.kind == .order }
        var planned: [Planned] = []
        var isPartial = !transaction.isWhole
        let outputPosition = self.output.position
        var position = outputPosition + transaction.header.headerLength
        for record in transaction.records {
            guard let plan = try self.plan(record, in: transaction) else {
                isPartial = true
                break
            }
            planned.append(plan)
            position += plan.length
        }
        let description = try self.input.description(of: transaction)
        guard !isPartial || self.keepsPartial && isInOrder && !planned.isEmpty else {
            self.summary.droppedTransactions += 1
            self.summary.droppedBytes += transaction.end - transaction.position
            try self.visit(.dropped(description))
            return
        }
        try self.write(transaction, planned, length: position - outputPosition, isPartial: isPartial)
        self.summary.copiedTransactions += 1
        self.summary.copiedRecords += planned.count
        if isPartial {
            let read = planned.reduce(transaction.header.headerLength) { $0 + $1.record.header.recordLength }
            self.summary.droppedBytes += transaction.end - transaction.position - read
        }
        try self.visit(.copied(description, records: planned.count, isPartial: isPartial))
    }

    /// Finds out where the data of a record will be; `nil` when they are lost.
    private mutating func plan(
        _ record: InspectedTransaction.Record,
        in transaction: InspectedTransaction
    ) throws -> Planned? {
        guard let pointer = record.pointer, pointer != 0 else {
            return Planned(record: record, pointer: record.pointer)
        }
        let moved = transaction.position - record.header.transaction
        for place in Set([pointer, pointer + moved]).sorted() {
            guard place < record.position else { continue }
            if let copy = self.pieces.position(of: place) {
                // Its transaction was whole.
                guard try self.input.target(at: place, of: record.header.oid, isKnown: true) != nil else { continue }
                return Planned(record: record, pointer: copy)
            }
            guard var target = try self.dropped(place, of: record.header.oid), target.tid < record.header.tid else {
                continue
            }
            var targetPosition = place
            while target.dataLength == 0 {
                var bytes = try self.input.file.read(
                    at: targetPosition + DataHeader.size,
                    count: DataHeader.pointerSize
                )
                guard let next = bytes.readFilePosition() else { break }
                if next == 0 { return Planned(record: record, pointer: 0) }
                if let copy = self.pieces.position(of: next),
                    try self.input.target(at: next, of: record.header.oid, isKnown: true) != nil
                {
                    return Planned(record: record, pointer: copy)
                }
                guard next < targetPosition, let header = try self.dropped(next, of: record.header.oid) else { break }
                (target, targetPosition) = (header, next)
            }
            guard target.dataLength > 0 else { continue }
            return Planned(record: record, inlined: target, inlinedPosition: targetPosition)
        }
        try self.report(
            DataFileFault(
                .pointer,
                at: record.position,
                "the data of object \(record.header.oid), said to be at \(pointer), are lost"
            )
        )
        return nil
    }

    /// A record in a transaction that was dropped, where something follows on it that bears out its length: another
    /// record of the transaction, or the transaction's closing length.
    private func dropped(_ position: Int, of oid: ObjectID) throws -> DataHeader? {
        guard let record = try self.input.target(at: position, of: oid) else { return nil }
        let end = position + record.recordLength
        var head = try self.input.file.read(at: record.transaction, count: TransactionHeader.size)
        var behind = try self.input.file.read(at: end, count: DataHeader.size)
        if let length = head.readTransactionHeader()?.length, end == record.transaction + length {
            return behind.readFilePosition() == length ? record : nil
        }
        let next = behind.readDataHeader()
        return next?.tid == record.tid && next?.transaction == record.transaction ? record : nil
    }

    private mutating func write(
        _ transaction: InspectedTransaction,
        _ planned: [Planned],
        length: Int,
        isPartial: Bool
    ) throws {
        let position = self.output.position
        var header = transaction.header
        header.length = length
        if isPartial { header.statusByte = TransactionHeader.Status.packed.rawValue }
        try self.output.append { $0.writeTransactionHeader(header) }
        try self.output.copy(
            self.input.file,
            at: transaction.position + TransactionHeader.size,
            count: header.headerLength - TransactionHeader.size
        )
        self.pieces.add(from: transaction.position, to: position, length: header.headerLength)
        var objects: [ObjectPosition] = []
        objects.reserveCapacity(planned.count)
        for plan in planned {
            let record = plan.record
            let recordPosition = self.output.position
            objects.append(ObjectPosition(oid: record.header.oid, position: recordPosition))
            var dataHeader = record.header
            dataHeader.previous = self.table[record.header.oid] ?? 0
            dataHeader.transaction = position
            dataHeader.tid = header.tid
            dataHeader.dataLength = plan.inlined?.dataLength ?? record.header.dataLength
            try self.output.append { $0.writeDataHeader(dataHeader) }
            if let pointer = plan.pointer {
                try self.output.append { $0.writeInteger(UInt64(pointer)) }
            } else {
                let source = plan.inlined == nil ? record.position : plan.inlinedPosition
                try self.output.copy(self.input.file, at: source + DataHeader.size, count: dataHeader.dataLength)
            }
            if plan.inlined == nil {
                self.pieces.add(from: record.position, to: recordPosition, length: record.header.recordLength)
            } else {
                // Only the beginning of a record is ever asked for.
                self.pieces.add(from: record.position, to: recordPosition, length: 1)
            }
        }
        if length == transaction.header.length {
            // So that the next transaction continues the piece.
            let trailer = transaction.position + length
            self.pieces.add(from: trailer, to: position + length, length: TransactionHeader.trailerSize)
        }
        try self.output.append { $0.writeInteger(UInt64(length)) }
        for object in objects { self.table.set(object.oid, object.position) }
    }
}
