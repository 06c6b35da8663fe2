//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import ZODBFormat

/// Loads revisions as of one visible transaction.
///
/// The index may be ahead of what may be seen: its newest records are then passed over, from revision to revision, so
/// that a transaction appears at once and whole.
struct RevisionReader {
    /// A record that was looked for.
    private struct Found {
        var header: DataHeader
        var content: RecordReader.Content
        var position: Int
        /// The transaction of the next visible revision.
        var next: TransactionID?
        var records: RecordReader

        /// The record's data.
        func data() throws -> ByteBuffer {
            switch self.content {
            case .data(let data): data
            case .pointer(let pointer):
                try self.records.data(behind: pointer, from: self.position, of: self.header.oid)
            }
        }
    }

    /// The newest transaction that may be seen; read before the index is asked.
    let visible: TransactionID
    let index: ObjectIndex

    /// The newest revision of an object before `tid`; `nil` when it was created later.
    func load(_ oid: ObjectID, before tid: TransactionID) throws -> ObjectRevision? {
        guard let found = try self.find(oid, before: tid) else { return nil }
        return ObjectRevision(data: try found.data(), tid: found.header.tid, next: found.next)
    }

    /// The record that transaction `serial` wrote for an object.
    func load(_ oid: ObjectID, at serial: TransactionID) throws -> ByteBuffer {
        guard let found = try self.find(oid, before: serial.successor), found.header.tid == serial else {
            throw StorageError.noSuchRevision(oid, serial)
        }
        return try found.data()
    }

    /// The tid of the newest revision of an object before `tid`; `nil` when it was created later.
    func serial(of oid: ObjectID, before tid: TransactionID) throws -> TransactionID? {
        guard let found = try self.find(oid, before: tid) else { return nil }
        if case .pointer(let pointer) = found.content, pointer == 0 { throw StorageError.noSuchObject(oid) }
        return found.header.tid
    }

    /// Goes from the newest revision to the one wanted; `nil` when the object is younger.
    private func find(_ oid: ObjectID, before tid: TransactionID) throws -> Found? {
        let (file, newest) = try self.index.find(oid)
        guard var position = newest else { throw StorageError.noSuchObject(oid) }
        let records = RecordReader(file)
        var next: TransactionID?
        while true {
            let (header, content) = try records.record(at: position, of: oid)
            if header.tid <= self.visible {
                if header.tid < tid {
                    return Found(header: header, content: content, position: position, next: next, records: records)
                }
                next = header.tid
            }
            position = try records.previous(of: header, at: position)
            if position == 0 { break }
        }
        // Nobody may see yet that this object exists.
        if next == nil { throw StorageError.noSuchObject(oid) }
        return nil
    }
}
