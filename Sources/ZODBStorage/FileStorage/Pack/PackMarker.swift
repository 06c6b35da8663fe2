//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import ZODBFormat

/// Finds out which records of a data file have to stay.
///
/// What was written at the time of the pack or later stays. Of what was written before, these records stay: those that
/// a later record points to, and the current records, as of the time of the pack, of all objects, or with garbage
/// collection of those that can be reached from the root object, from a record that stays because of a pointer, or from
/// a later record. (Python's pack does not follow references of later records and so loses an object that was garbage
/// at the time of the pack and is referred to again later.)
struct PackMarker {
    private(set) var table = PackTable()
    /// Where the first transaction is that is not older than the time of the pack.
    private(set) var packPosition = Recovery.start

    private let file: PositionalFile
    private let end: Int
    private let options: PackOptions
    private let report: PackReport
    /// Current records of objects that were marked and whose references have not been followed yet.
    private var frontier: [Int] = []
    private var followed = 0
    private var references = StrongReferences()

    /// Records that lie closer than this, on the average, are read together.
    private static let denseGap = 1 << 14

    /// A marker of what is in front of `end`.
    init(_ file: PositionalFile, end: Int, options: PackOptions, report: PackReport) {
        self.file = file
        self.end = end
        self.options = options
        self.report = report
    }

    /// Marks what has to stay; false when a pack to this time, or to a later one, has been there before, so that there
    /// is nothing to do.
    mutating func mark() throws -> Bool {
        var walk = RecordWalk(self.file, end: self.end)
        guard try self.findCurrentRecords(&walk) else { return false }
        if !self.options.collectsGarbage { self.table.markAll() }
        try self.followLaterRecords(&walk)
        if self.options.collectsGarbage {
            if !self.table.isEmpty {
                switch self.table.mark(.root) {
                case .new(let position): self.frontier.append(position)
                case .known: break
                case .missing: throw self.missing(.root, referredToBy: nil)
                }
            }
            while !self.frontier.isEmpty { try self.followFrontier() }
        }
        try self.report.step(.marking, self.totalWork, of: self.totalWork)
        return true
    }

    private var totalWork: Int { self.end + self.packPosition }

    /// Finds every object's current record at the time of the pack.
    private mutating func findCurrentRecords(_ walk: inout RecordWalk) throws -> Bool {
        var position = Recovery.start
        var last = TransactionID.zero
        var hasUnpacked = false
        var nextStatus: TransactionHeader.Status?
        while position < self.end {
            let transaction = try walk.transaction(at: position)
            nextStatus = transaction.status
            guard transaction.tid < self.options.before else { break }
            guard transaction.tid > last else {
                throw StorageError(.corrupted, "\(self.file.path): time runs backwards at position \(position)")
            }
            last = transaction.tid
            if transaction.status != .packed { hasUnpacked = true }
            position = try walk.records(of: transaction, at: position) { _, record in
                self.table.set(record.header.oid, record.isUndoneCreation ? 0 : record.position)
                if record.header.dataLength == 0 { self.table.met(record.position, pointingTo: record.pointer) }
            }
            try self.report.step(.marking, position, of: 2 * self.end)
        }
        self.packPosition = position
        return hasUnpacked || nextStatus != .packed
    }

    /// Marks what the transactions behind the time of the pack point to and refer to.
    private mutating func followLaterRecords(_ walk: inout RecordWalk) throws {
        var position = self.packPosition
        while position < self.end {
            let transaction = try walk.transaction(at: position)
            position = try walk.records(of: transaction, at: position) { walk, record in
                if record.pointer != 0, record.pointer < self.packPosition {
                    if self.table.pin(record.pointer) { self.frontier.append(record.pointer) }
                } else if self.options.collectsGarbage, record.header.dataLength > 0 {
                    // What cannot be understood was not written before the time of the pack, and is not judged here.
                    let data = try walk.data(of: record)
                    guard (try? self.findReferences(in: data)) != nil else { return }
                    for oid in self.references.oids where self.table.hasData(oid) {
                        if case .new(let position) = self.table.mark(oid) { self.frontier.append(position) }
                    }
                }
            }
            try self.report.step(.marking, position, of: self.totalWork)
        }
    }

    /// Follows the references of all records in the frontier, in the order of the file.
    private mutating func followFrontier() throws {
        var positions = self.frontier
        self.frontier = []
        positions.sort()
        let gap = (positions.last! - positions.first!) / positions.count
        var walk = RecordWalk(self.file, end: self.end, windowSize: gap < Self.denseGap ? 1 << 20 : 1 << 12)
        for position in positions {
            let record = try walk.record(at: position)
            let data = try record.pointer == 0 ? walk.data(of: record) : self.data(at: record.pointer, of: record)
            self.followed += record.header.recordLength
            try self.report.step(.marking, min(self.end + self.followed, self.totalWork), of: self.totalWork)
            guard let data, data.readableBytes > 0 else { continue }
            do {
                try self.findReferences(in: data)
            } catch {
                throw StorageError(
                    .corrupted,
                    "\(self.file.path) was not packed: the references of object \(record.header.oid), at position "
                        + "\(position), cannot be found; packing without garbage collection needs none",
                    oid: record.header.oid,
                    underlyingError: error
                )
            }
            for oid in self.references.oids {
                switch self.table.mark(oid) {
                case .new(let position): self.frontier.append(position)
                case .known: break
                case .missing:
                    // A record that stays because a later one points to it speaks of that later time: what it refers to
                    // was undone at the time of the pack and redone since.
                    guard self.table.isCurrent(record.header.oid, at: position) else { continue }
                    throw self.missing(oid, referredToBy: record.header.oid)
                }
            }
        }
    }

    private mutating func findReferences(in data: ByteBuffer) throws {
        try self.references.find(in: self.options.record(data))
    }

    /// The data that pointers lead to; `nil` where they lead to an undone creation.
    private func data(at position: Int, of record: RecordWalk.Record) throws -> ByteBuffer? {
        try RecordReader(self.file).data(at: position, of: record.header.oid)
    }

    private func missing(_ oid: ObjectID, referredToBy referrer: ObjectID?) -> StorageError {
        let reason = referrer.map { "object \($0) refers to object \(oid), which" } ?? "the root object"
        return StorageError(
            .noSuchObject,
            "\(self.file.path) was not packed: \(reason) does not exist at the time of the pack; mend that, or pack "
                + "without garbage collection",
            oid: oid
        )
    }
}
