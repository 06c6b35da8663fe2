//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import ZODBFormat

/// Walks through the transactions of a data file, the newest first.
struct TransactionLog {
    private var window: FileWindow
    private let path: String
    private var end: Int

    /// A walk that begins at `end`, which must be behind a whole transaction.
    init(_ file: PositionalFile, end: Int) {
        self.window = FileWindow(size: end, windowSize: 1 << 14) { position, count in
            try file.read(at: position, count: count)
        }
        self.path = file.path
        self.end = end
    }

    /// The newest transactions in a range of tids, at most `limit`, oldest first. Undone transactions do not count.
    mutating func newest(
        after first: TransactionID,
        through last: TransactionID,
        limit: Int
    ) throws -> [CommittedTransaction] {
        var newest: [CommittedTransaction] = []
        while newest.count < limit, self.end > Recovery.start {
            guard let (header, position) = try self.window.transaction(endingAt: self.end) else {
                throw StorageError(.corrupted, "\(self.path) is damaged: no transaction ends at position \(self.end)")
            }
            guard header.tid > first else { break }
            if header.tid <= last, header.status != .undone {
                newest.append(CommittedTransaction(tid: header.tid, oids: try self.oids(of: header, at: position)))
            }
            self.end = position
        }
        return newest.reversed()
    }

    /// The objects that a transaction wrote, each once, in the order of the file.
    private mutating func oids(of header: TransactionHeader, at position: Int) throws -> [ObjectID] {
        var oids: [ObjectID] = []
        var seen: Set<ObjectID> = []
        let end = position + header.length
        var recordPosition = position + header.headerLength
        while recordPosition < end {
            guard var bytes = try self.window.bytes(at: recordPosition, count: DataHeader.size),
                let record = bytes.readDataHeader(), record.recordLength <= end - recordPosition
            else {
                throw StorageError(.corrupted, "\(self.path) is damaged at position \(recordPosition)")
            }
            if seen.insert(record.oid).inserted { oids.append(record.oid) }
            recordPosition += record.recordLength
        }
        return oids
    }
}
