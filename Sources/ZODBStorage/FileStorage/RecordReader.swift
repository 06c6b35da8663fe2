//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import ZODBFormat

/// Reads the records of single objects from a data file.
struct RecordReader {
    /// A record of which the beginning has been read.
    struct Record {
        var header: DataHeader
        var position: Int
        /// What was read behind the head, which may be less than there is or more.
        fileprivate var rest: ByteBuffer
    }

    /// What a data record holds.
    enum Content {
        case data(ByteBuffer)
        /// The position of the data record that has the data; zero says that the object's creation was undone.
        case pointer(Int)
    }

    /// Records are mostly small: the head and so many bytes in all are read at once.
    private static let firstRead = 1024

    let file: PositionalFile

    /// A reader of a file's records.
    init(_ file: PositionalFile) {
        self.file = file
    }

    /// The beginning of the record at a position, which must be one of `oid`'s.
    func record(at position: Int, of oid: ObjectID, reading count: Int = Self.firstRead) throws -> Record {
        var bytes = try self.file.read(at: position, count: count)
        guard let header = bytes.readDataHeader() else { throw self.damage("a data record is cut short", at: position) }
        guard header.oid == oid else {
            throw self.damage("there is no record of object \(oid), but one of \(header.oid)", at: position)
        }
        return Record(header: header, position: position, rest: bytes)
    }

    /// The beginning of the record at a position, which must be within the transaction that begins at `transaction` and
    /// whose records end at `end`.
    func record(at position: Int, in transaction: Int, endingAt end: Int) throws -> Record {
        var bytes = try self.file.read(at: position, count: min(Self.firstRead, end - position))
        guard let header = bytes.readDataHeader(), header.recordLength <= end - position,
            header.transaction == transaction
        else { throw self.damage("a data record does not belong to its transaction", at: position) }
        return Record(header: header, position: position, rest: bytes)
    }

    /// The tid of the record at a position, and whether it undoes the object's creation.
    func serial(at position: Int, of oid: ObjectID) throws -> CommittedSerial {
        let record = try self.record(at: position, of: oid, reading: DataHeader.size + DataHeader.pointerSize)
        return CommittedSerial(tid: record.header.tid, isUndoneCreation: try self.isUndoneCreation(record))
    }

    /// Whether a record says that its object's creation was undone.
    func isUndoneCreation(_ record: Record) throws -> Bool {
        guard record.header.dataLength == 0, case .pointer(0) = try self.content(of: record) else { return false }
        return true
    }

    /// What a record holds.
    func content(of record: Record) throws -> Content {
        let count = record.header.recordLength - DataHeader.size
        var rest = record.rest
        if rest.readableBytes < count {
            guard count <= (try self.file.size()) - record.position - DataHeader.size else {
                throw self.damage("a data record runs past the end of the file", at: record.position)
            }
            guard count <= PositionalFile.maximumCount else {
                throw StorageError(
                    .tooLarge,
                    "the record at position \(record.position) of \(self.file.path) has \(count) bytes; "
                        + "\(PositionalFile.maximumCount) can be read",
                    oid: record.header.oid
                )
            }
            rest = try self.file.read(at: record.position + DataHeader.size, count: count)
        }
        guard var body = rest.readSlice(length: count) else {
            throw self.damage("a data record is cut short", at: record.position)
        }
        if record.header.dataLength > 0 { return .data(body) }
        return .pointer(body.readFilePosition() ?? 0)
    }

    /// The data of a record, its own or what its pointers lead to.
    ///
    /// Throws `StorageError.noSuchObject` when they lead to an undone creation.
    func data(of record: Record) throws -> ByteBuffer {
        guard let data = try self.dataIfAny(of: record) else { throw StorageError.noSuchObject(record.header.oid) }
        return data
    }

    /// The data of a record, its own or what its pointers lead to; `nil` when they lead to an undone creation.
    func dataIfAny(of record: Record) throws -> ByteBuffer? {
        var record = record
        while true {
            switch try self.content(of: record) {
            case .data(let data): return data
            case .pointer(0): return nil
            case .pointer(let target): record = try self.target(target, of: record)
            }
        }
    }

    /// The record at the position that another one points to.
    func target(_ target: Int, of record: Record) throws -> Record {
        // Pointers lead to the front of the file only, and so come to an end.
        guard target < record.position else {
            throw self.damage("a data record points to one behind it", at: record.position)
        }
        return try self.record(at: target, of: record.header.oid)
    }

    /// The data of an object's record at a position, its own or what its pointers lead to; `nil` when they lead to an
    /// undone creation.
    func data(at position: Int, of oid: ObjectID) throws -> ByteBuffer? {
        try self.dataIfAny(of: self.record(at: position, of: oid))
    }

    /// Where the revision before a record is; zero when there is none.
    func previous(of record: Record) throws -> Int {
        guard record.header.previous < record.position else {
            throw self.damage("a data record follows on one behind it", at: record.position)
        }
        return record.header.previous
    }

    private func damage(_ problem: String, at position: Int) -> StorageError {
        StorageError(.corrupted, "\(self.file.path) is damaged at position \(position): \(problem)")
    }
}
