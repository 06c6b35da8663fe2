//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import NIOCore
public import ZODBFormat

/// A storage whose records lie compressed in another one (Python's `zc.zlibstorage.ZlibStorage`).
public final class ZlibStorage: StorageWrapper, CompanionedStorage {
    public let base: any LocalStorage
    public let traits: StorageTraits
    /// Whether new records are compressed. Compressed ones are read in any case.
    public let compresses: Bool

    /// Keeps records in `base`.
    public init(_ base: any LocalStorage, compresses: Bool = true) {
        self.base = base
        self.compresses = compresses
        self.traits = base.traits.withWrapperInterface
    }

    public func load(_ oid: ObjectID, before tid: TransactionID) throws -> ObjectRevision? {
        guard var revision = try self.base.load(oid, before: tid) else { return nil }
        revision.data = try CompressedRecord.expanded(revision.data)
        return revision
    }

    public func load(_ oid: ObjectID, at serial: TransactionID) throws -> ByteBuffer {
        try CompressedRecord.expanded(try self.base.load(oid, at: serial))
    }

    public func vote(_ draft: TransactionDraft) async throws -> VoteOutcome {
        guard self.compresses else { return try await self.base.vote(draft) }
        var compressed = draft
        compressed.operations = try draft.operations.map { operation in
            switch operation {
            case .store(let oid, let serial, let data):
                .store(oid, serial: serial, data: try CompressedRecord.compressed(data))
            case .storeBlob(let oid, let serial, let data, let blob):
                .storeBlob(oid, serial: serial, data: try CompressedRecord.compressed(data), blob: blob)
            case .restore(let oid, let serial, let data?, let dataTransaction, let blob):
                .restore(
                    oid,
                    serial: serial,
                    data: try CompressedRecord.compressed(data),
                    dataTransaction: dataTransaction,
                    blob: blob
                )
            case .checkCurrent, .undo, .delete, .restore: operation
            }
        }
        switch try await self.base.vote(compressed) {
        case .prepared(let vote): return .prepared(vote)
        case .conflicts(var conflicts):
            for index in conflicts.indices {
                conflicts[index].data = try CompressedRecord.expanded(conflicts[index].data)
            }
            return .conflicts(conflicts)
        }
    }

    func finish(_ vote: VoteID, with companion: (any CommitCompanion)?) async throws -> TransactionID {
        try await self.base.finish(vote, accompaniedBy: companion)
    }

    public func transactions(
        from first: TransactionID,
        through last: TransactionID
    ) async throws -> any TransactionCursor {
        ExpandingTransactionCursor(try await self.base.transactions(from: first, through: last))
    }

    public func currentRecord(atOrAfter oid: ObjectID) async throws -> CurrentRecord? {
        guard var record = try await self.base.currentRecord(atOrAfter: oid) else { return nil }
        record.data = try CompressedRecord.expanded(record.data)
        return record
    }

    public func pack(_ request: PackRequest) async throws {
        try await self.base.pack(request.expandingRecords)
    }
}

extension PackRequest {
    /// The same request, for a storage that was given compressed records.
    var expandingRecords: PackRequest {
        var request = self
        let decode = self.decode
        request.decode = { record in
            let record = try CompressedRecord.expanded(record)
            return try decode?(record) ?? record
        }
        return request
    }
}
