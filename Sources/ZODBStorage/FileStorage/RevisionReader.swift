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
        var record: RecordReader.Record
        /// The transaction of the next visible revision.
        var next: TransactionID?
        var reader: RecordReader

        var tid: TransactionID { self.record.header.tid }

        /// The record's data.
        func data() throws -> ByteBuffer { try self.reader.data(of: self.record) }
    }

    /// The newest transaction that may be seen; read before the index is asked.
    let visible: TransactionID
    let index: ObjectIndex

    /// The newest revision of an object before `tid`; `nil` when it was created later.
    func load(_ oid: ObjectID, before tid: TransactionID) throws -> ObjectRevision? {
        guard let found = try self.find(oid, before: tid) else { return nil }
        return ObjectRevision(data: try found.data(), tid: found.tid, next: found.next)
    }

    /// The record that transaction `serial` wrote for an object.
    func load(_ oid: ObjectID, at serial: TransactionID) throws -> ByteBuffer {
        guard let found = try self.find(oid, before: serial.successor), found.tid == serial else {
            throw StorageError.noSuchRevision(oid, serial)
        }
        return try found.data()
    }

    /// The tid of the newest revision of an object before `tid`; `nil` when it was created later.
    func serial(of oid: ObjectID, before tid: TransactionID) throws -> TransactionID? {
        guard let found = try self.find(oid, before: tid) else { return nil }
        if try found.reader.isUndoneCreation(found.record) { throw StorageError.noSuchObject(oid) }
        return found.tid
    }

    /// Goes from the newest revision to the one wanted; `nil` when the object is younger.
    private func find(_ oid: ObjectID, before tid: TransactionID) throws -> Found? {
        let (file, newest) = try self.index.find(oid)
        guard var position = newest else { throw StorageError.noSuchObject(oid) }
        let reader = RecordReader(file)
        var next: TransactionID?
        while position != 0 {
            let record = try reader.record(at: position, of: oid)
            if record.header.tid <= self.visible {
                if record.header.tid < tid { return Found(record: record, next: next, reader: reader) }
                next = record.header.tid
            }
            position = try reader.previous(of: record)
        }
        // Nobody may see yet that this object exists.
        if next == nil { throw StorageError.noSuchObject(oid) }
        return nil
    }
}
