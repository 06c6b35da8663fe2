//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import ZODBFormat

/// Whether an index and a data file belong together, and where the last transaction of the index is.
///
/// An index file says how far into the data file it goes. Somebody may have put an older copy of the data file in its
/// place, or another index. So the last few transactions in front of that position are read, and every object in them
/// must be where the index says, as Python's FileStorage does it.
enum IndexAudit {
    /// So many records must agree.
    private static let recordsToCheck = 5

    /// The tid of the last transaction that the index knows; `nil` when the index is not to be believed.
    static func lastTransaction(of index: IndexFile.Contents, in window: inout FileWindow) throws -> TransactionID? {
        var last: TransactionID?
        var checked = 0
        var seen: Set<ObjectID> = []
        var end = index.end
        // Positions that small hold no transaction worth an index.
        guard end >= 100 else { return nil }
        while checked < self.recordsToCheck {
            // A file with fewer records than are to be checked has been checked whole.
            if last != nil, end == Recovery.start { break }
            guard let (header, position) = try window.transaction(endingAt: end) else { return nil }
            end = position
            guard header.tid < .max else { return nil }
            if last == nil { last = header.tid }
            switch header.status {
            case .undone: continue
            case .checkpoint, nil: return nil
            case .committed, .packed: break
            }
            let transactionEnd = position + header.length
            // Of several records of one object the last one is in the index.
            var newest: [ObjectID: Int] = [:]
            var recordPosition = position + header.headerLength
            while recordPosition < transactionEnd {
                guard var bytes = try window.bytes(at: recordPosition, count: DataHeader.size),
                    let record = bytes.readDataHeader(),
                    record.transaction == position, record.recordLength <= transactionEnd - recordPosition
                else { return nil }
                newest[record.oid] = recordPosition
                recordPosition += record.recordLength
            }
            for (oid, recordPosition) in newest where seen.insert(oid).inserted {
                guard index.table[oid] == recordPosition else { return nil }
            }
            checked += newest.count
        }
        return last
    }
}

extension FileWindow {
    /// The transaction whose record ends, with the repeated length, at `end`; `nil` when there is none that fits.
    mutating func transaction(endingAt end: Int) throws -> (header: TransactionHeader, position: Int)? {
        let trailer = end - TransactionHeader.trailerSize
        guard trailer > Recovery.start, var bytes = try self.bytes(at: trailer, count: TransactionHeader.trailerSize),
            let length = bytes.readFilePosition(), length <= trailer - Recovery.start,
            var head = try self.bytes(at: trailer - length, count: TransactionHeader.size),
            let header = head.readTransactionHeader(), header.length == length, header.headerLength <= length
        else { return nil }
        return (header, trailer - length)
    }
}
