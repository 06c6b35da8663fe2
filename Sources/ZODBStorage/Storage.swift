//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import NIOCore
public import ZODBFormat

/// A place where ZODB keeps the revisions of its objects.
///
/// A storage is a history: transactions, each a set of object revisions, in the strict order of their identifiers.
/// What every storage promises:
///
/// - **Durability.** When `finish(_:)` returns, the transaction survives a crash of process and machine (where the
///   storage has a disk at all). A transaction whose `finish` threw is not there.
/// - **Visibility.** Loads, `lastTransaction()` and `statistics()` show durable transactions only. A transaction becomes
///   visible at once and whole, before its observers are told and before its `finish` returns.
/// - **Order.** Observers hear of every transaction exactly once, in the order of tids.
/// - **Isolation of votes.** Between `vote(_:)` and `finish(_:)` or `abort(_:)` no other transaction can commit a
///   revision of an object that the vote stores or checks. Waiting voters are served first come, first served.
/// - **Readers never wait for writers.**
///
/// Methods may be called from any task or thread at once. A storage in this process may satisfy the asynchronous
/// requirements with synchronous functions; see `LocalStorage`.
public protocol Storage: AnyObject, Sendable {
    /// What the storage is and can do; constant while it is open.
    var traits: StorageTraits { get }

    /// How much is in it. Cheap: a server asks at every commit.
    func statistics() async throws -> StorageStatistics

    /// The tid of the last visible transaction, `.zero` when there is none.
    func lastTransaction() async throws -> TransactionID

    /// The newest revision of an object that is older than `tid`; `nil` when the object was created at `tid` or later.
    ///
    /// Throws `StorageError.noSuchObject` for an object that never existed or whose creation was undone at that time.
    func load(_ oid: ObjectID, before tid: TransactionID) async throws -> ObjectRevision?

    /// The record that the transaction `serial` wrote for an object.
    ///
    /// Throws `StorageError.noSuchObject` when that transaction wrote none.
    func load(_ oid: ObjectID, at serial: TransactionID) async throws -> ByteBuffer

    /// The tid of the newest revision of an object that is older than `tid`, like `load(_:before:)` without the data.
    func serial(of oid: ObjectID, before tid: TransactionID) async throws -> TransactionID?

    /// Reserves identifiers for new objects. They are never handed out again while the storage is open, and never
    /// belong to an object that is stored.
    func newObjectIDs(_ count: Int) async throws -> [ObjectID]

    /// First phase: waits for its turn, checks the whole draft against what is committed, and holds its place.
    ///
    /// After `.prepared` exactly one `finish(_:)` or `abort(_:)` must follow; nothing the draft asks for can fail any
    /// more except by a failure of the disk. When it throws, and after `.conflicts` unless the draft asked for the place to
    /// be kept, nothing is held; the revisions that it names are visible by then. Cancelling the task while it waits leaves the queue.
    func vote(_ draft: TransactionDraft) async throws -> VoteOutcome

    /// The objects for which a prepared transaction stores something else than its draft says, because the storage merged
    /// it with what others had committed. Whoever holds those objects must load them again after `finish(_:)`.
    func mergedObjects(of vote: VoteID) async -> [ObjectID]

    /// Keeps the place for the next vote of `origin` no longer (see `TransactionDraft.keepsPlaceInConflict`). Where it is
    /// not kept, this does nothing. A storage that hands drafts on to another one must hand this on, too.
    func yieldPlace(of origin: UInt64) async

    /// Second phase: gives the transaction its tid, makes it durable and visible, and returns the tid.
    ///
    /// Other transactions may vote and finish before this returns; none becomes visible out of order. When the disk
    /// fails the transaction is not committed, nor is any that was queued behind it.
    func finish(_ vote: VoteID) async throws -> TransactionID

    /// Gives up a prepared transaction. Aborting a vote that is not held does nothing.
    func abort(_ vote: VoteID) async

    /// The newest transactions after `tid`, oldest first, at most `limit` of them (the newest ones).
    ///
    /// Fills a server's queue of recent invalidations when it starts.
    func recentTransactions(after tid: TransactionID, limit: Int) async throws -> [CommittedTransaction]

    /// Tells `observer` of every transaction that becomes visible after the returned tid. The storage keeps the
    /// observer until it is removed or the storage is closed.
    func addObserver(_ observer: any StorageObserver) async throws -> TransactionID

    /// Tells `observer` nothing any more.
    func removeObserver(_ observer: any StorageObserver) async

    /// Waits until observers have heard of everything that had been committed when this was called, where others commit
    /// and the storage is to be so careful. Each transaction of a database begins with it.
    func synchronize() async throws

    // MARK: History. Storages that keep one say so in their traits; the others throw `StorageError.unsupported`.

    /// The newest revisions of an object, newest first, at most `limit` (which must be positive). The list ends behind the
    /// revision with which what transactions say about themselves comes to `metadataLimit` bytes.
    ///
    /// Throws `StorageError.noSuchObject` for an object that never existed.
    func history(of oid: ObjectID, limit: Int, metadataLimit: Int) async throws -> [RevisionSummary]

    /// Transactions that may be undone, newest first: of those that `matches` accepts, `limit` after the first `skipped`.
    /// They end where a pack has been, and behind the transaction with which what they say about themselves comes to
    /// `metadataLimit` bytes.
    func undoableTransactions(
        skipping skipped: Int,
        limit: Int,
        metadataLimit: Int,
        where matches: @Sendable (UndoableTransaction) -> Bool
    ) async throws -> [UndoableTransaction]

    /// The visible transactions in a range of tids, both ends included, oldest first.
    func transactions(
        from first: TransactionID,
        through last: TransactionID
    ) async throws -> any TransactionCursor

    /// The current revision of the first object whose oid is `oid` or greater, of those that exist; `nil` when there
    /// is none.
    func currentRecord(atOrAfter oid: ObjectID) async throws -> CurrentRecord?

    /// Removes revisions, and objects, that are not needed any more. Others load and commit meanwhile.
    ///
    /// Throws `StorageError.packing` when a pack is under way already. A pack that fails has changed nothing.
    func pack(_ request: PackRequest) async throws

    // MARK: Blobs

    /// The path of the file with the blob that the transaction `serial` wrote for an object. A pack may remove the file
    /// at any time; whoever has it open can go on reading.
    ///
    /// Throws `StorageError.noSuchObject` when that transaction wrote none.
    func blob(of oid: ObjectID, at serial: TransactionID) async throws -> String

    /// Opens the file with the blob that the transaction `serial` wrote for an object, also where files may be removed
    /// between a question for the path and the opening, as from a cache.
    ///
    /// Throws `StorageError.noSuchObject` when that transaction wrote none.
    func openBlob(of oid: ObjectID, at serial: TransactionID) async throws -> BlobFileReader

    /// The folder in which somebody who shares the blob directory leaves the file of a new blob of an object; `nil` where
    /// the storage keeps no blobs.
    func blobFolder(of oid: ObjectID) -> String?

    /// Finishes what was queued, then lets go of files and connections. Calls after it throw `StorageError.closed`.
    func close() async throws
}

extension Storage {
    /// No storage merges unless it says so.
    public func mergedObjects(of vote: VoteID) async -> [ObjectID] { [] }

    /// No storage keeps places unless it says so.
    public func yieldPlace(of origin: UInt64) async {}

    /// Observers of storages in this process have always heard of everything.
    public func synchronize() async throws {}

    /// No storage keeps a history unless it says so.
    public func history(of oid: ObjectID, limit: Int, metadataLimit: Int) async throws -> [RevisionSummary] {
        throw StorageError.unsupported("tell the history of an object", self)
    }

    /// The newest revisions of an object, newest first, at most `limit`, however much transactions say about themselves.
    public func history(of oid: ObjectID, limit: Int) async throws -> [RevisionSummary] {
        try await self.history(of: oid, limit: limit, metadataLimit: .max)
    }

    /// No storage undoes unless it says so.
    public func undoableTransactions(
        skipping skipped: Int,
        limit: Int,
        metadataLimit: Int,
        where matches: @Sendable (UndoableTransaction) -> Bool
    ) async throws -> [UndoableTransaction] {
        throw StorageError.unsupported("undo", self)
    }

    /// Transactions that may be undone, newest first, however much they say about themselves: of those that `matches`
    /// accepts, `limit` after the first `skipped`.
    public func undoableTransactions(
        skipping skipped: Int,
        limit: Int,
        where matches: @Sendable (UndoableTransaction) -> Bool
    ) async throws -> [UndoableTransaction] {
        try await self.undoableTransactions(skipping: skipped, limit: limit, metadataLimit: .max, where: matches)
    }

    /// No storage is walked through unless it says so.
    public func transactions(
        from first: TransactionID,
        through last: TransactionID
    ) async throws -> any TransactionCursor {
        throw StorageError.unsupported("list its transactions", self)
    }

    /// No storage lists its objects unless it says so.
    public func currentRecord(atOrAfter oid: ObjectID) async throws -> CurrentRecord? {
        throw StorageError.unsupported("list its objects", self)
    }

    /// No storage is packed unless it says so.
    public func pack(_ request: PackRequest) async throws {
        throw StorageError.unsupported("be packed", self)
    }

    /// No storage has blobs unless it says so.
    public func blob(of oid: ObjectID, at serial: TransactionID) async throws -> String {
        throw StorageError.unsupported("keep blobs", self)
    }

    /// Opens the file that the storage names.
    public func openBlob(of oid: ObjectID, at serial: TransactionID) async throws -> BlobFileReader {
        try BlobFileReader(path: try await self.blob(of: oid, at: serial))
    }

    /// No storage has blobs unless it says so.
    public func blobFolder(of oid: ObjectID) -> String? { nil }
}
