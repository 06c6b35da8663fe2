//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import ZODBFormat

extension RevisionReader {
    /// The newest revisions of an object, newest first, undone creations among them.
    func history(of oid: ObjectID, limit: Int, metadataLimit: Int = .max) throws -> [RevisionSummary] {
        let (file, newest) = try self.index.find(oid)
        guard var position = newest else { throw StorageError.noSuchObject(oid) }
        let records = RecordReader(file)
        var summaries: [RevisionSummary] = []
        var budget = MetadataBudget(metadataLimit)
        var isVisible = false
        while position != 0 {
            let record = try records.record(at: position, of: oid, reading: DataHeader.size)
            if record.header.tid <= self.visible {
                isVisible = true
                guard summaries.count < limit, !budget.isSpent else { break }
                // The transaction is in front of its records, and ends behind this one.
                let transactions = TransactionReader(file, end: .max)
                let transaction = try transactions.transaction(at: record.header.transaction)
                guard transaction.header.tid == record.header.tid else {
                    throw transactions.damage("a data record does not belong to its transaction", at: position)
                }
                summaries.append(
                    RevisionSummary(
                        tid: record.header.tid,
                        size: record.header.dataLength,
                        metadata: transaction.metadata
                    )
                )
                budget.spend(transaction.metadata)
            }
            position = try records.previous(of: record)
        }
        guard isVisible else { throw StorageError.noSuchObject(oid) }
        return summaries
    }

    /// The current revision of the first object from `oid` on that exists.
    func currentRecord(atOrAfter oid: ObjectID) throws -> CurrentRecord? {
        var candidate = try self.index.first(atOrAfter: oid)
        while let oid = candidate {
            let following = try self.following(oid)
            if let revision = try self.existing(oid, { try self.load(oid, before: .max) }) {
                return CurrentRecord(
                    oid: oid,
                    tid: revision.tid,
                    data: revision.data,
                    next: try self.firstExisting(from: following)
                )
            }
            candidate = following
        }
        return nil
    }

    /// The first object from `oid` on that exists: nobody is sent to one whose creation was undone.
    private func firstExisting(from oid: ObjectID?) throws -> ObjectID? {
        var candidate = oid
        while let oid = candidate {
            if try self.existing(oid, { try self.serial(of: oid, before: .max) }) != nil { return oid }
            candidate = try self.following(oid)
        }
        return nil
    }

    /// The next object that the index knows.
    private func following(_ oid: ObjectID) throws -> ObjectID? {
        guard oid.rawValue < UInt64.max else { return nil }
        return try self.index.first(atOrAfter: ObjectID(rawValue: oid.rawValue + 1))
    }

    /// What `body` finds; `nil` where the object does not exist, or is not visible yet.
    private func existing<Result>(_ oid: ObjectID, _ body: () throws -> Result?) throws -> Result? {
        do {
            return try body()
        } catch let error as StorageError where error.code == .noSuchObject {
            return nil
        }
    }
}
