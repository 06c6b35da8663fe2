//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
public import ZODBFormat
public import ZODBStorage

extension Database {
    /// How many objects the storage holds, and how many bytes.
    public var statistics: StorageStatistics {
        get async throws { try await self.storage.statistics() }
    }

    /// What every connection that exists has loaded, in the order in which they were opened (`cacheDetailSize`).
    public var cacheStatistics: [CacheStatistics] { self.cacheReports.all }

    /// How many connections are in use, and how many wait for their next use.
    public var connectionCounts: (open: Int, idle: Int) {
        let (present, past) = (self.pool.counts, self.historicalPool.counts)
        return (present.open + past.open, present.idle + past.idle)
    }

    /// The newest revisions of an object, newest first, at most `limit`.
    ///
    /// Throws `StorageError.noSuchObject` for an object that never existed, `.unsupported` where the storage keeps no
    /// history.
    public func history(of oid: ObjectID, limit: Int = 20) async throws -> [RevisionSummary] {
        try await self.storage.history(of: oid, limit: limit)
    }

    /// Transactions that may be undone, newest first: of those that `matches` accepts, `limit` after the first `skipped`.
    public func undoLog(
        skipping skipped: Int = 0,
        limit: Int = 20,
        where matches: @Sendable (UndoableTransaction) -> Bool = { _ in true }
    ) async throws -> [UndoableTransaction] {
        try await self.storage.undoableTransactions(skipping: skipped, limit: limit, where: matches)
    }

    /// Takes back what earlier transactions did, in one new transaction.
    ///
    /// - Parameters:
    ///   - tids: The transactions to undo; of several the newest one is undone first.
    ///   - user: Who undoes them.
    ///   - note: Why, for the people who read the history.
    /// - Returns: The new transaction, which may itself be undone.
    /// - Throws: `StorageError.undoFailed` where later transactions have built on one of them, or it was packed.
    @discardableResult
    public func undo(_ tids: TransactionID..., user: String = "", note: String = "") async throws -> TransactionID {
        try await self.undo(tids, user: user, note: note)
    }

    /// Takes back what earlier transactions did, in one new transaction: `undo(_:user:note:)` for an array.
    @discardableResult
    public func undo(_ tids: [TransactionID], user: String = "", note: String = "") async throws -> TransactionID {
        var draft = TransactionDraft(operations: tids.sorted(by: >).map { .undo($0) })
        draft.mergesConflicts = true
        draft.metadata.user = ByteBuffer(string: user)
        draft.metadata.description = ByteBuffer(string: note)
        switch try await self.storage.vote(draft) {
        case .prepared(let vote): return try await self.storage.finish(vote)
        case .conflicts(let conflicts): throw StorageError.conflict(conflicts)
        }
    }

    /// Removes revisions, and objects, that are not needed any more. Others load and commit meanwhile.
    ///
    /// - Parameter days: How many days back undoing, and connections to the past, shall still be possible.
    /// - Throws: `StorageError.packing` when a pack is under way already.
    public func pack(keepingDays days: Double = 0) async throws {
        let now = systemWallClock().components
        let seconds = Double(now.seconds) + Double(now.attoseconds) / 1e18
        try await self.pack(before: TransactionID(secondsSince1970: seconds - days * 86400))
    }

    /// Removes revisions that were not current at a moment any more, and objects that could not be reached then.
    public func pack(before tid: TransactionID) async throws {
        try await self.storage.pack(PackRequest(before: tid))
    }
}

extension StorageError {
    /// The error of a transaction that met others' changes.
    static func conflict(_ conflicts: [ObjectConflict]) -> StorageError {
        StorageError(
            .conflict,
            "objects have been changed by others: \(conflicts.map(\.oid.description).joined(separator: ", "))",
            oid: conflicts.first?.oid,
            serials: conflicts.first.map { ($0.committed, $0.read) }
        )
    }
}
