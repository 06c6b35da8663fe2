//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import NIOCore
import Synchronization
public import ZODBFormat

/// A storage in memory that keeps every revision until the process ends.
///
/// Useful for tests and for data that need not outlive the process. What `Storage` says about disks does not concern
/// it; everything else it keeps.
public final class MappingStorage: CompanionedStorage {
    private let contents = Mutex(MappingContents())
    private let prepared = PreparedVote(after: .zero)
    private let history = VisibleHistory(last: .zero, statistics: .init(objectCount: 0, byteCount: 0))
    private let place = CommitLock()
    private let clock: WallClock

    public let traits: StorageTraits

    /// An empty storage.
    public convenience init(name: String = "MappingStorage") {
        self.init(name: name, clock: systemWallClock)
    }

    init(name: String = "MappingStorage", clock: @escaping WallClock) {
        self.clock = clock
        self.traits = StorageTraits(
            name: name,
            isReadOnly: false,
            supportsUndo: false,
            interfaces: ["IStorage", "IStorageIteration"],
            iteratesCurrentRecords: false
        )
    }

    public func statistics() throws -> StorageStatistics {
        try self.checkOpen()
        return self.history.statistics
    }

    public func lastTransaction() throws -> TransactionID {
        try self.checkOpen()
        return self.history.last
    }

    public func load(_ oid: ObjectID, before tid: TransactionID) throws -> ObjectRevision? {
        try self.checkOpen()
        let visible = self.history.last
        return try self.contents.withLock { try $0.revision(of: oid, before: tid, visible: visible) }
    }

    public func load(_ oid: ObjectID, at serial: TransactionID) throws -> ByteBuffer {
        try self.checkOpen()
        let visible = self.history.last
        let data = serial > visible ? nil : self.contents.withLock { $0.data(of: oid, at: serial) }
        guard let data else { throw StorageError.noSuchRevision(oid, serial) }
        return data
    }

    public func serial(of oid: ObjectID, before tid: TransactionID) throws -> TransactionID? {
        try self.load(oid, before: tid)?.tid
    }

    public func newObjectIDs(_ count: Int) throws -> [ObjectID] {
        try self.checkOpen()
        return try self.contents.withLock { try $0.objectIDs.next(count) }
    }

    public func vote(_ draft: TransactionDraft) async throws -> VoteOutcome {
        try self.checkOpen()
        var draft = try CheckedDraft(draft)
        guard draft.requests.isEmpty else { throw StorageError.unsupported("undo, delete or restore", self) }
        let bases = try MergeBases(
            of: draft,
            committed: { oid in self.contents.withLock { $0.committedSerial(of: oid) } },
            load: self.record
        )
        let vote = try await self.place.acquire(for: draft.origin)
        do {
            try self.prepared.checkTransactionID(of: draft, after: self.history.last)
            var conflicts = try self.contents.withLock { contents in
                for oid in draft.oids { contents.objectIDs.reserve(oid) }
                return try draft.conflicts { contents.committedSerial(of: $0) }
            }
            conflicts = try await draft.merge(conflicts, from: bases, published: { _ in }, load: self.record)
            guard conflicts.isEmpty else {
                self.place.release(vote, keepingPlaceFor: draft.keepsPlaceFor)
                return .conflicts(conflicts)
            }
            try self.prepared.hold(.init(vote: vote, draft: draft))
            return .prepared(vote)
        } catch {
            self.place.release(vote)
            throw error
        }
    }

    private func record(of oid: ObjectID, at serial: TransactionID) -> ByteBuffer? {
        self.contents.withLock { $0.data(of: oid, at: serial) }
    }

    public func mergedObjects(of vote: VoteID) async -> [ObjectID] { self.prepared.merged(by: vote) }

    public func yieldPlace(of origin: UInt64) async { self.place.yield(origin) }

    public func finish(_ vote: VoteID) async throws -> TransactionID { try await self.finish(vote, with: nil) }

    func finish(_ vote: VoteID, with companion: (any CommitCompanion)?) async throws -> TransactionID {
        let (tid, prepared) = try self.prepared.take(vote, at: self.clock())
        let draft = prepared.draft
        guard let tid else {
            self.place.release(vote)
            throw StorageError.noTransactionID
        }
        // The place is kept until the observers have been told: that keeps them in the order of tids.
        defer { self.place.release(vote) }
        try companion?.place(for: tid)
        do {
            try companion?.synchronize()
        } catch {
            companion?.withdraw()
            throw error
        }
        let statistics = self.contents.withLock { contents in
            contents.append(draft, tid)
            return contents.statistics
        }
        self.history.publish(
            CommittedTransaction(tid: tid, oids: draft.oids, origin: draft.origin),
            statistics: statistics
        )
        return tid
    }

    public func abort(_ vote: VoteID) async {
        if self.prepared.drop(vote) { self.place.release(vote) }
    }

    public func recentTransactions(after tid: TransactionID, limit: Int) async throws -> [CommittedTransaction] {
        try self.checkOpen()
        let visible = self.history.last
        return self.contents.withLock { $0.recentTransactions(after: tid, through: visible, limit: limit) }
    }

    public func history(of oid: ObjectID, limit: Int, metadataLimit: Int) async throws -> [RevisionSummary] {
        try self.checkOpen()
        let visible = self.history.last
        let newest = try self.contents.withLock { try $0.history(of: oid, limit: limit, visible: visible) }
        return MetadataBudget.prefix(metadataLimit, of: newest, \.metadata)
    }

    public func transactions(
        from first: TransactionID,
        through last: TransactionID
    ) async throws -> any TransactionCursor {
        try self.checkOpen()
        let last = min(last, self.history.last)
        return MappingTransactionCursor(self.contents.withLock { $0.transactions(from: first, through: last) })
    }

    /// Packs, with garbage collection unless the request says otherwise, between two transactions.
    ///
    /// Throws `StorageError.invalidArgument` when there has been a pack to a later time.
    public func pack(_ request: PackRequest) async throws {
        try self.checkOpen()
        let vote = try await self.place.acquire()
        defer { self.place.release(vote) }
        let contents = self.contents.withLock { $0 }
        guard contents.statistics.objectCount > 0 else { return }
        var packed = try contents.packed(
            before: request.before,
            collectsGarbage: request.collectsGarbage ?? true,
            isBelow: request.isBelow,
            progress: request.progress ?? { _ in }
        )
        self.contents.withLock { contents in
            packed.objectIDs = contents.objectIDs
            contents = packed
        }
        self.history.replaceStatistics(packed.statistics)
        let count = packed.statistics.objectCount
        request.progress?(.init(phase: .copying, completed: count, total: count))
    }

    public func addObserver(_ observer: any StorageObserver) async throws -> TransactionID {
        try self.checkOpen()
        return self.history.add(observer)
    }

    public func removeObserver(_ observer: any StorageObserver) async {
        self.history.remove(observer)
    }

    public func close() async throws {
        if let held = self.prepared.close().held { self.place.release(held) }
        try await self.place.close()
        self.history.close()
    }

    private func checkOpen() throws { try self.prepared.checkOpen() }
}
