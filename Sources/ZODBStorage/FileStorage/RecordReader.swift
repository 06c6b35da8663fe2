//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import ZODBFormat

/// Reads the records of single objects from a data file.
struct RecordReader {
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

    /// The head of the record at a position, which must be one of `oid`'s.
    func header(at position: Int, of oid: ObjectID) throws -> DataHeader {
        try self.start(at: position, of: oid, count: DataHeader.size).header
    }

    /// The tid of the record at a position, and whether it undoes the object's creation.
    func serial(at position: Int, of oid: ObjectID) throws -> CommittedSerial {
        let (header, rest) = try self.start(at: position, of: oid, count: DataHeader.size + DataHeader.pointerSize)
        let isPointer = header.dataLength == 0
        let isUndone = isPointer && rest.getInteger(at: rest.readerIndex, as: UInt64.self) == 0
        return CommittedSerial(tid: header.tid, isUndoneCreation: isUndone)
    }

    /// The head and the content of the record at a position, which must be one of `oid`'s.
    func record(at position: Int, of oid: ObjectID) throws -> (header: DataHeader, content: Content) {
        var (header, rest) = try self.start(at: position, of: oid, count: Self.firstRead)
        let count = header.dataLength == 0 ? DataHeader.pointerSize : header.dataLength
        guard count <= 1 << 48 else { throw self.damage("a data record is impossibly long", at: position) }
        if rest.readableBytes < count {
            rest = try self.file.read(at: position + DataHeader.size, count: count)
        }
        guard var body = rest.readSlice(length: count) else {
            throw self.damage("a data record is cut short", at: position)
        }
        if header.dataLength > 0 { return (header, .data(body)) }
        return (header, .pointer(body.readFilePosition() ?? 0))
    }

    /// The data that a record with a pointer means.
    ///
    /// Throws `StorageError.noSuchObject` when the pointers lead to an undone creation.
    func data(behind pointer: Int, from position: Int, of oid: ObjectID) throws -> ByteBuffer {
        var (from, target) = (position, pointer)
        while target != 0 {
            // Pointers lead to the front of the file only, and so come to an end.
            guard target < from else { throw self.damage("a data record points to one behind it", at: from) }
            switch try self.record(at: target, of: oid).content {
            case .data(let data): return data
            case .pointer(let next): (from, target) = (target, next)
            }
        }
        throw StorageError.noSuchObject(oid)
    }

    /// Where the revision before the one at a position is; zero when there is none.
    func previous(of header: DataHeader, at position: Int) throws -> Int {
        guard header.previous < position else {
            throw self.damage("a data record follows on one behind it", at: position)
        }
        return header.previous
    }

    private func start(at position: Int, of oid: ObjectID, count: Int) throws -> (header: DataHeader, rest: ByteBuffer)
    {
        var bytes = try self.file.read(at: position, count: count)
        guard let header = bytes.readDataHeader() else { throw self.damage("a data record is cut short", at: position) }
        guard header.oid == oid else {
            throw self.damage("there is no record of object \(oid), but one of \(header.oid)", at: position)
        }
        return (header, bytes)
    }

    private func damage(_ problem: String, at position: Int) -> StorageError {
        StorageError(.corrupted, "\(self.file.path) is damaged at position \(position): \(problem)")
    }
}
