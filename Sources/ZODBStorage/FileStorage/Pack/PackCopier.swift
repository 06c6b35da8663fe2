//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import ZODBFormat

/// Somebody has committed something, while a pack was under way, that needs a record which the pack leaves out: it has
/// to begin again.
struct PackOvertaken: Error {}

/// Copies what stays of a data file to a new one.
///
/// In front of the time of the pack each record that stays is written with its own data, even where it had a pointer to
/// another one's, and without a previous revision. Behind it everything is copied, and keeps its length: the positions
/// in it are moved by one distance, or lead to where a record in front is now.
struct PackCopier {
    /// Where the newest record of each object is in the new file.
    private(set) var index: ObjectIndexTable
    /// How much of the old file has been copied.
    private(set) var copiedEnd = Recovery.start
    /// Whether anything of the new file differs from the old one.
    private(set) var changesAnything = false

    private let file: PositionalFile
    private var table: PackTable
    private let packPosition: Int
    /// Up to where the references of later records were followed.
    private let markedEnd: Int
    private let options: PackOptions
    private let report: PackReport
    private var writer: PackWriter
    private var references = StrongReferences()
    /// The index as of the time of the pack.
    private var packedIndex = ObjectIndexTable()
    /// How far everything behind the time of the pack moves to the front.
    private var shift = 0

    private static let pieceSize = 1 << 20

    /// A copier of what `marker` has marked in front of `markedEnd`.
    init(
        _ file: PositionalFile,
        to newFile: any AppendableFile,
        marker: PackMarker,
        markedEnd: Int,
        options: PackOptions,
        report: PackReport
    ) {
        self.file = file
        self.table = marker.table
        self.packPosition = marker.packPosition
        self.markedEnd = markedEnd
        self.options = options
        self.report = report
        self.writer = PackWriter(newFile)
        self.index = marker.table.marked
    }

    /// The position behind what was written to the new file.
    var newEnd: Int { self.writer.end }

    /// Returns when all that was copied would survive a loss of power.
    mutating func synchronize() throws { try self.writer.synchronize() }

    // MARK: In front of the time of the pack

    /// Copies what stays of the transactions in front of the time of the pack.
    mutating func copyPacked() throws {
        var walk = RecordWalk(self.file, end: self.packPosition)
        try self.writer.write(walk.bytes(at: 0, count: Recovery.start))
        var position = Recovery.start
        while position < self.packPosition {
            let transaction = try walk.transaction(at: position)
            var newPosition: Int?
            let next = try walk.records(of: transaction, at: position) { walk, record in
                guard self.table.stays(record.header.oid, at: record.position) else {
                    self.changesAnything = true
                    return try self.drop(record, &walk)
                }
                let begin = try newPosition ?? self.begin(transaction, at: position, &walk)
                newPosition = begin
                try self.copyPacked(record, transactionPosition: begin, &walk)
            }
            if let newPosition {
                let length = self.writer.end - newPosition
                try self.writer.overwrite(length, at: newPosition + 8)
                try self.writer.write(length)
            } else if next == self.markedEnd {
                // Clients that have seen the last transaction must find that the storage has, too, when it is opened
                // again. It stays, without records.
                let begin = try self.begin(transaction, at: position, &walk)
                try self.writer.overwrite(transaction.headerLength, at: begin + 8)
                try self.writer.write(transaction.headerLength)
            } else {
                self.changesAnything = true
            }
            position = next
            try self.report.step(.copying, position, of: self.packPosition)
        }
        self.copiedEnd = self.packPosition
        self.shift = self.packPosition - self.writer.end
        self.packedIndex = self.index
    }

    /// Writes the head of a transaction of which something stays. Its length follows later.
    private mutating func begin(
        _ transaction: TransactionHeader,
        at position: Int,
        _ walk: inout RecordWalk
    ) throws -> Int {
        let newPosition = self.writer.end
        var header = transaction
        header.statusByte = TransactionHeader.Status.packed.rawValue
        var bytes = ByteBuffer()
        bytes.writeTransactionHeader(header)
        try self.writer.write(bytes)
        let texts = transaction.headerLength - TransactionHeader.size
        try self.writer.write(walk.bytes(at: position + TransactionHeader.size, count: texts))
        return newPosition
    }

    private mutating func copyPacked(
        _ record: RecordWalk.Record,
        transactionPosition: Int,
        _ walk: inout RecordWalk
    ) throws {
        var header = record.header
        header.previous = 0
        header.transaction = transactionPosition
        let newPosition = self.writer.end
        self.index.set(header.oid, newPosition)
        self.table.moved(from: record.position, to: newPosition)
        if record.header.dataLength > 0 {
            try self.writer.write(header)
            try self.copy(header.dataLength, at: record.position + DataHeader.size, &walk)
        } else if record.pointer != 0, let data = try self.pointedData(record) {
            self.changesAnything = true
            header.dataLength = data.readableBytes
            try self.writer.write(header)
            try self.writer.write(data)
        } else {
            try self.writer.write(header)
            try self.writer.write(0)
        }
    }

    /// Tells of a blob that goes.
    private func drop(_ record: RecordWalk.Record, _ walk: inout RecordWalk) throws {
        guard let removedBlobs = self.options.removedBlobs, !record.isUndoneCreation else { return }
        let data = try record.pointer == 0 ? walk.data(of: record) : self.pointedData(record)
        guard let data, try self.options.isBlob(data) else { return }
        // Of two records of an object in one transaction, which ZEO wrote at times, the last one may stay.
        if let current = self.table[record.header.oid], self.table.isCurrent(record.header.oid, at: current),
            try walk.record(at: current).header.tid == record.header.tid
        {
            return
        }
        try removedBlobs.add(record.header.oid, record.header.tid)
    }

    /// The data that a record's pointer leads to; `nil` where it leads to an undone creation.
    private func pointedData(_ record: RecordWalk.Record) throws -> ByteBuffer? {
        try RecordReader(self.file).data(at: record.pointer, of: record.header.oid)
    }

    private mutating func copy(_ count: Int, at position: Int, _ walk: inout RecordWalk) throws {
        var done = 0
        while done < count {
            let piece = min(Self.pieceSize, count - done)
            try self.writer.write(walk.bytes(at: position + done, count: piece))
            done += piece
        }
    }

    // MARK: Behind the time of the pack

    /// Copies the transactions up to `end` that have not been copied yet.
    ///
    /// Throws `PackOvertaken` where one of them needs what was left out.
    mutating func copyRest(to end: Int, phase: PackProgress.Phase) throws {
        var walk = RecordWalk(self.file, end: end)
        while self.copiedEnd < end {
            let position = self.copiedEnd
            let newPosition = self.writer.end
            let transaction = try walk.transaction(at: position)
            let isUndone = transaction.status == .undone
            try self.copy(isUndone ? transaction.length : transaction.headerLength, at: position, &walk)
            self.copiedEnd = try walk.records(of: transaction, at: position) { walk, record in
                try self.copyLater(record, transactionPosition: newPosition, &walk)
            }
            try self.writer.write(transaction.length)
            try self.report.step(phase, self.copiedEnd, of: end)
        }
    }

    private mutating func copyLater(
        _ record: RecordWalk.Record,
        transactionPosition: Int,
        _ walk: inout RecordWalk
    ) throws {
        var header = record.header
        header.previous =
            header.previous >= self.packPosition
            ? header.previous - self.shift : self.packedIndex[header.oid] ?? 0
        header.transaction = transactionPosition
        self.index.set(header.oid, self.writer.end)
        try self.writer.write(header)
        if header.dataLength == 0 {
            try self.writer.write(record.pointer == 0 ? 0 : self.newPosition(of: record))
        } else {
            if record.position >= self.markedEnd { try self.checkReferences(of: record, &walk) }
            try self.copy(header.dataLength, at: record.position + DataHeader.size, &walk)
        }
    }

    /// Where the record that a later one points to is in the new file.
    private func newPosition(of record: RecordWalk.Record) throws -> Int {
        let (oid, target) = (record.header.oid, record.pointer)
        if target >= self.packPosition { return target - self.shift }
        if let position = self.table.newPosition(ofPinned: target) { return position }
        guard self.table.isCurrent(oid, at: target), let position = self.packedIndex[oid] else { throw PackOvertaken() }
        return position
    }

    /// Whoever commits while a pack is under way may bring an object back to life.
    private mutating func checkReferences(of record: RecordWalk.Record, _ walk: inout RecordWalk) throws {
        guard self.options.collectsGarbage else { return }
        let data = try walk.data(of: record)
        guard (try? self.references.find(in: self.options.record(data))) != nil else { return }
        for oid in self.references.oids where self.table.isDropped(oid) && self.index[oid] == nil {
            throw PackOvertaken()
        }
    }
}
