//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import NIOCore
public import ZODBFormat

/// A storage in front of another one, which it asks for everything that it does not do itself.
public protocol StorageWrapper: LocalStorage {
    /// The storage behind this one.
    var base: any LocalStorage { get }
}

extension StorageWrapper {
    public var traits: StorageTraits { self.base.traits }

    public func statistics() throws -> StorageStatistics { try self.base.statistics() }

    public func lastTransaction() throws -> TransactionID { try self.base.lastTransaction() }

    public func load(_ oid: ObjectID, before tid: TransactionID) throws -> ObjectRevision? {
        try self.base.load(oid, before: tid)
    }

    public func load(_ oid: ObjectID, at serial: TransactionID) throws -> ByteBuffer {
        try self.base.load(oid, at: serial)
    }

    public func serial(of oid: ObjectID, before tid: TransactionID) throws -> TransactionID? {
        try self.base.serial(of: oid, before: tid)
    }

    public func newObjectIDs(_ count: Int) throws -> [ObjectID] { try self.base.newObjectIDs(count) }

    public func vote(_ draft: TransactionDraft) async throws -> VoteOutcome { try await self.base.vote(draft) }

    public func mergedObjects(of vote: VoteID) async -> [ObjectID] { await self.base.mergedObjects(of: vote) }

    public func yieldPlace(of origin: UInt64) async { await self.base.yieldPlace(of: origin) }

    public func finish(_ vote: VoteID) async throws -> TransactionID { try await self.base.finish(vote) }

    public func abort(_ vote: VoteID) async { await self.base.abort(vote) }

    public func recentTransactions(after tid: TransactionID, limit: Int) async throws -> [CommittedTransaction] {
        try await self.base.recentTransactions(after: tid, limit: limit)
    }

    public func addObserver(_ observer: any StorageObserver) async throws -> TransactionID {
        try await self.base.addObserver(observer)
    }

    public func removeObserver(_ observer: any StorageObserver) async { await self.base.removeObserver(observer) }

    public func history(of oid: ObjectID, limit: Int, metadataLimit: Int) async throws -> [RevisionSummary] {
        try await self.base.history(of: oid, limit: limit, metadataLimit: metadataLimit)
    }

    public func undoableTransactions(
        skipping skipped: Int,
        limit: Int,
        metadataLimit: Int,
        where matches: @Sendable (UndoableTransaction) -> Bool
    ) async throws -> [UndoableTransaction] {
        try await self.base.undoableTransactions(
            skipping: skipped,
            limit: limit,
            metadataLimit: metadataLimit,
            where: matches
        )
    }

    public func transactions(
        from first: TransactionID,
        through last: TransactionID
    ) async throws -> any TransactionCursor {
        try await self.base.transactions(from: first, through: last)
    }

    public func currentRecord(atOrAfter oid: ObjectID) async throws -> CurrentRecord? {
        try await self.base.currentRecord(atOrAfter: oid)
    }

    public func pack(_ request: PackRequest) async throws { try await self.base.pack(request) }

    public func blobFolder(of oid: ObjectID) -> String? { self.base.blobFolder(of: oid) }

    public func blob(of oid: ObjectID, at serial: TransactionID) async throws -> String {
        try await self.base.blob(of: oid, at: serial)
    }

    public func close() async throws { try await self.base.close() }
}
