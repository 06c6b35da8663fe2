//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import NIOCore
import Synchronization
public import ZODBFormat

/// A storage that lays changes over a base which stays as it is (Python's `ZODB.DemoStorage`).
///
/// The base must not change while it is in use. Everything is committed to the changes; what they do not have is looked
/// up in the base. One transaction commits at a time.
///
/// Guarded by `state`: the vote that holds the place, the identifiers that were handed out, and `close()`.
public final class DemoStorage: CompanionedStorage {
    public let traits: StorageTraits
    /// The storage that stays as it is.
    public let base: any LocalStorage
    /// The storage that gets the changes.
    public let changes: any LocalStorage

    private struct State {
        var held: (vote: VoteID, inner: VoteID, stored: [ObjectID], merged: [ObjectID])?
        var identifiers: DemoObjectIDs
        var isClosed = false
    }

    private let layers: DemoLayers
    private let closesBase: Bool
    private let closesChanges: Bool
    private let hasOwnBase: Bool
    private let hasOwnChanges: Bool
    private let temporaryFolder: TemporaryFolder?
    private let place = CommitLock()
    private let state: Mutex<State>

    /// A storage with changes over a base.
    ///
    /// Without a base it begins empty. Without changes, they live in memory, and their blobs in a temporary directory,
    /// until the storage is closed. `closesBase` and `closesChanges` say what else is closed with it.
    public convenience init(
        name: String? = nil,
        base: (any LocalStorage)? = nil,
        changes: (any LocalStorage)? = nil,
        closesBase: Bool = true,
        closesChanges: Bool = true
    ) throws {
        try self.init(
            name: name,
            base: base,
            changes: changes,
            closesBase: closesBase,
            closesChanges: closesChanges,
            clock: systemWallClock,
            firstObjectID: { UInt64.random(in: 1...1 << 62) }
        )
    }

    init(
        name: String? = nil,
        base: (any LocalStorage)? = nil,
        changes: (any LocalStorage)? = nil,
        closesBase: Bool = true,
        closesChanges: Bool = true,
        clock: @escaping WallClock,
        firstObjectID: @escaping @Sendable () -> UInt64
    ) throws {
        self.hasOwnBase = base == nil
        self.hasOwnChanges = changes == nil
        self.closesBase = closesBase || base == nil
        self.closesChanges = closesChanges || changes == nil
        let base = base ?? MappingStorage(clock: clock)
        if let changes {
            self.changes = changes
            self.temporaryFolder = nil
        } else {
            let folder = try TemporaryFolder(suffix: ".demoblobs")
            self.changes = try BlobStorage(MappingStorage(clock: clock), blobDirectory: folder.path)
            self.temporaryFolder = folder
        }
        self.base = base
        self.layers = DemoLayers(base: base, changes: self.changes)
        self.state = Mutex(State(identifiers: DemoObjectIDs(firstObjectID)))
        var traits = self.changes.traits
        traits.name = name ?? "DemoStorage('\(base.traits.name)', '\(traits.name)')"
        // The interfaces that Python's shows, in its order.
        traits.interfaces =
            (traits.interfaces.contains("IBlobStorage") ? ["IBlobStorage"] : [])
            + (traits.supportsUndo ? ["IStorageUndoable"] : []) + ["IStorage", "IStorageIteration"]
        traits.iteratesCurrentRecords = false
        self.traits = traits
    }

    public func statistics() throws -> StorageStatistics {
        try self.checkOpen()
        return try self.changes.statistics()
    }

    public func lastTransaction() throws -> TransactionID {
        try self.checkOpen()
        let last = try self.changes.lastTransaction()
        return last == .zero ? try self.base.lastTransaction() : last
    }

    public func load(_ oid: ObjectID, before tid: TransactionID) throws -> ObjectRevision? {
        try self.checkOpen()
        return try self.layers.load(oid, before: tid)
    }

    public func load(_ oid: ObjectID, at serial: TransactionID) throws -> ByteBuffer {
        try self.checkOpen()
        return try self.layers.load(oid, at: serial)
    }

    public func serial(of oid: ObjectID, before tid: TransactionID) throws -> TransactionID? {
        try self.checkOpen()
        return try self.layers.serial(of: oid, before: tid)
    }

    public func newObjectIDs(_ count: Int) throws -> [ObjectID] {
        try self.checkOpen()
        if self.traits.isReadOnly { throw StorageError.readOnly }
        guard count >= 0 else {
            throw StorageError(.invalidArgument, "\(count) new object identifiers cannot be reserved")
        }
        let layers = self.layers
        return try self.state.withLock { state in
            try (0..<count).map { _ in try state.identifiers.next { try layers.serialIfAny(of: $0) != nil } }
        }
    }

    public func vote(_ draft: TransactionDraft) async throws -> VoteOutcome {
        try self.checkOpen()
        let vote = try await self.place.acquire(for: draft.origin)
        do {
            // The place that is kept after conflicts is this storage's, not that of the changes.
            var inner = draft
            inner.keepsPlaceInConflict = false
            let outcome = try await self.prepare(inner, vote)
            if case .conflicts = outcome {
                self.place.release(vote, keepingPlaceFor: draft.keepsPlaceInConflict ? draft.origin : 0)
            }
            return outcome
        } catch {
            self.place.release(vote)
            throw error
        }
    }

    /// Compares the draft with both layers, and hands it to the changes.
    private func prepare(_ draft: TransactionDraft, _ vote: VoteID) async throws -> VoteOutcome {
        let checked = try self.layers.check(draft)
        guard checked.conflicts.isEmpty else { return .conflicts(checked.conflicts) }
        var outcome = try await self.changes.vote(checked.forwarded)
        if case .conflicts(let differing) = outcome {
            // The changes remember an object whose first change was undone; everybody else sees the base's revision.
            outcome = try await self.changes.vote(checked.forwarded.startingFromCommitted(of: differing))
        }
        guard case .prepared(let inner) = outcome else { return outcome }
        let isOpen = self.state.withLock { state in
            if !state.isClosed { state.held = (vote, inner, draft.storedObjects, checked.merged) }
            return !state.isClosed
        }
        guard isOpen else {
            await self.changes.abort(inner)
            throw StorageError.closed
        }
        return .prepared(vote)
    }

    public func yieldPlace(of origin: UInt64) async { self.place.yield(origin) }

    public func mergedObjects(of vote: VoteID) async -> [ObjectID] {
        guard let held = self.state.withLock({ $0.held }), held.vote == vote else { return [] }
        return held.merged + (await self.changes.mergedObjects(of: held.inner))
    }

    public func finish(_ vote: VoteID) async throws -> TransactionID { try await self.finish(vote, with: nil) }

    func finish(_ vote: VoteID, with companion: (any CommitCompanion)?) async throws -> TransactionID {
        let held = try self.state.withLock { state in
            guard !state.isClosed else { throw StorageError.closed }
            guard let held = state.held, held.vote == vote else { throw StorageError.noSuchVote(vote) }
            state.held = nil
            return held
        }
        defer { self.place.release(vote) }
        let tid = try await self.changes.finish(held.inner, accompaniedBy: companion)
        self.state.withLock { state in
            for oid in held.stored { state.identifiers.stored(oid) }
        }
        return tid
    }

    func published(through tid: TransactionID) async throws {
        try await (self.changes as? any CompanionedStorage)?.published(through: tid)
    }

    public func abort(_ vote: VoteID) async {
        let held = self.state.withLock { state -> VoteID? in
            guard state.held?.vote == vote else { return nil }
            defer { state.held = nil }
            return state.held?.inner
        }
        guard let held else { return }
        await self.changes.abort(held)
        self.place.release(vote)
    }

    public func recentTransactions(after tid: TransactionID, limit: Int) async throws -> [CommittedTransaction] {
        try self.checkOpen()
        let newest = try await self.changes.recentTransactions(after: tid, limit: limit)
        guard newest.count < limit else { return newest }
        return try await self.base.recentTransactions(after: tid, limit: limit - newest.count) + newest
    }

    public func addObserver(_ observer: any StorageObserver) async throws -> TransactionID {
        try self.checkOpen()
        let last = try await self.changes.addObserver(observer)
        return last == .zero ? try await self.base.lastTransaction() : last
    }

    public func removeObserver(_ observer: any StorageObserver) async { await self.changes.removeObserver(observer) }

    public func history(of oid: ObjectID, limit: Int, metadataLimit: Int) async throws -> [RevisionSummary] {
        try self.checkOpen()
        let newest =
            try await ifAny {
                try await self.changes.history(of: oid, limit: limit, metadataLimit: metadataLimit)
            } ?? []
        var budget = MetadataBudget(metadataLimit)
        for revision in newest { budget.spend(revision.metadata) }
        guard newest.count < limit, !budget.isSpent else { return newest }
        let rest = limit - newest.count
        let left = budget.left
        if newest.isEmpty { return try await self.base.history(of: oid, limit: rest, metadataLimit: left) }
        return newest
            + (try await ifAny { try await self.base.history(of: oid, limit: rest, metadataLimit: left) } ?? [])
    }

    public func undoableTransactions(
        skipping skipped: Int,
        limit: Int,
        metadataLimit: Int,
        where matches: @Sendable (UndoableTransaction) -> Bool
    ) async throws -> [UndoableTransaction] {
        try self.checkOpen()
        return try await self.changes.undoableTransactions(
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
        try self.checkOpen()
        return ChainedTransactionCursor([
            try await self.base.transactions(from: first, through: last),
            try await self.changes.transactions(from: first, through: last),
        ])
    }

    /// Packs the changes alone. Of changes that live in memory garbage is collected: objects that the base does not have,
    /// and to which neither the root object nor one that the base has, too, leads in the changes. Of others it is not.
    public func pack(_ request: PackRequest) async throws {
        try self.checkOpen()
        var request = request
        if !self.hasOwnChanges {
            guard request.collectsGarbage != true else {
                throw StorageError(
                    .unsupported,
                    "\(self.traits.name) can collect garbage only of changes that live in memory"
                )
            }
            request.collectsGarbage = false
        } else if !self.hasOwnBase {
            // The base does not change: what only the changes have can be reached through them alone.
            let base = self.base
            request.isBelow = { oid in try ifAny { try base.serial(of: oid, before: .max) } != nil }
        }
        try await self.changes.pack(request)
    }

    public func blob(of oid: ObjectID, at serial: TransactionID) async throws -> String {
        try self.checkOpen()
        if self.changes.traits.blobDirectory != nil,
            let path = try await ifAny({ try await self.changes.blob(of: oid, at: serial) })
        {
            return path
        }
        guard self.base.traits.blobDirectory != nil else { throw StorageError.noSuchRevision(oid, serial) }
        return try await self.base.blob(of: oid, at: serial)
    }

    public func blobFolder(of oid: ObjectID) -> String? { self.changes.blobFolder(of: oid) }

    public func close() async throws {
        let (isFirst, held) = self.state.withLock { state in
            defer {
                state.isClosed = true
                state.held = nil
            }
            return (!state.isClosed, state.held)
        }
        guard isFirst else { return }
        if let held {
            await self.changes.abort(held.inner)
            self.place.release(held.vote)
        }
        try await self.place.close()
        if self.closesChanges { try await self.changes.close() }
        if self.closesBase { try await self.base.close() }
        self.temporaryFolder?.remove()
    }

    private func checkOpen() throws {
        guard self.state.withLock({ !$0.isClosed }) else { throw StorageError.closed }
    }
}
