//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import NIOCore
public import ZODBFormat

/// A storage as it was at a moment, for reading only (Python's `zc.beforestorage.Before`).
public final class BeforeStorage: StorageWrapper {
    public let base: any LocalStorage
    public let traits: StorageTraits
    /// What transactions with this tid or a greater one have written is not seen.
    public let limit: TransactionID

    /// What `base` held before `limit`.
    public init(_ base: any LocalStorage, before limit: TransactionID) {
        self.base = base
        self.limit = limit
        var traits = base.traits
        traits.name = "\(traits.name) before \(limit.timeDescription)"
        traits.isReadOnly = true
        traits.supportsUndo = false
        traits.iteratesCurrentRecords = false
        traits.interfaces = traits.interfaces.contains("IBlobStorage") ? ["IBlobStorage"] : []
        self.traits = traits
    }

    /// The greatest tid that a transaction could have that is seen; as in Python there may be none with it.
    public func lastTransaction() throws -> TransactionID {
        _ = try self.base.lastTransaction()
        return TransactionID(rawValue: self.limit.rawValue &- (self.limit == .zero ? 0 : 1))
    }

    public func load(_ oid: ObjectID, before tid: TransactionID) throws -> ObjectRevision? {
        guard var revision = try self.base.load(oid, before: min(tid, self.limit)) else { return nil }
        if let next = revision.next, next >= self.limit { revision.next = nil }
        return revision
    }

    public func load(_ oid: ObjectID, at serial: TransactionID) throws -> ByteBuffer {
        try self.check(serial, of: oid)
        return try self.base.load(oid, at: serial)
    }

    public func serial(of oid: ObjectID, before tid: TransactionID) throws -> TransactionID? {
        try self.base.serial(of: oid, before: min(tid, self.limit))
    }

    public func newObjectIDs(_ count: Int) throws -> [ObjectID] { throw StorageError.readOnly }

    public func vote(_ draft: TransactionDraft) async throws -> VoteOutcome {
        _ = try await self.base.lastTransaction()
        throw StorageError.readOnly
    }

    public func finish(_ vote: VoteID) async throws -> TransactionID { throw StorageError.noSuchVote(vote) }

    public func abort(_ vote: VoteID) async {}

    public func recentTransactions(after tid: TransactionID, limit: Int) async throws -> [CommittedTransaction] {
        var wanted = limit
        while true {
            let recent = try await self.base.recentTransactions(after: tid, limit: wanted)
            let seen = recent.filter { $0.tid < self.limit }
            if seen.count >= limit || recent.count < wanted { return seen.suffix(max(0, limit)) }
            wanted = wanted.multipliedReportingOverflow(by: 2).partialValue
            guard wanted > 0 else { return seen }
        }
    }

    /// Nothing becomes visible any more, so that nobody is told anything.
    public func addObserver(_ observer: any StorageObserver) async throws -> TransactionID {
        try self.lastTransaction()
    }

    public func removeObserver(_ observer: any StorageObserver) async {}

    public func history(of oid: ObjectID, limit: Int, metadataLimit: Int) async throws -> [RevisionSummary] {
        // Nobody knows how many revisions are too new: more and more are asked for, and no list of the base may end early.
        var wanted = limit
        while true {
            let newest = try await self.base.history(of: oid, limit: wanted)
            let seen = newest.filter { $0.tid < self.limit }
            if seen.count >= limit || newest.count < wanted {
                return MetadataBudget.prefix(metadataLimit, of: Array(seen.prefix(limit)), \.metadata)
            }
            wanted = wanted.multipliedReportingOverflow(by: 2).partialValue
            guard wanted > 0 else { return MetadataBudget.prefix(metadataLimit, of: seen, \.metadata) }
        }
    }

    public func undoableTransactions(
        skipping skipped: Int,
        limit: Int,
        metadataLimit: Int,
        where matches: @Sendable (UndoableTransaction) -> Bool
    ) async throws -> [UndoableTransaction] {
        throw StorageError.unsupported("undo", self)
    }

    public func transactions(
        from first: TransactionID,
        through last: TransactionID
    ) async throws -> any TransactionCursor {
        try await self.base.transactions(from: first, through: min(last, try self.lastTransaction()))
    }

    public func currentRecord(atOrAfter oid: ObjectID) async throws -> CurrentRecord? {
        throw StorageError.unsupported("list its objects", self)
    }

    public func pack(_ request: PackRequest) async throws { throw StorageError.readOnly }

    public func blob(of oid: ObjectID, at serial: TransactionID) async throws -> String {
        try self.check(serial, of: oid)
        return try await self.base.blob(of: oid, at: serial)
    }

    private func check(_ serial: TransactionID, of oid: ObjectID) throws {
        guard serial < self.limit else { throw StorageError.noSuchRevision(oid, serial) }
    }
}
