//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Logging
public import NIOCore
import Synchronization
public import ZODBFormat

/// A storage in one append-only file, in the format of Python's FileStorage: each opens what the other has written.
///
/// One process at a time has the file open for writing. Reads go to the file directly and take no lock but the index's
/// for one look-up; commits are written by one thread, which synchronises the file once for all that wait.
public final class FileStorage: CompanionedStorage {
    public let traits: StorageTraits

    let configuration: FileStorageConfiguration
    let index: ObjectIndex
    let indexSaver: IndexSaver
    let history: VisibleHistory
    let appender: Appender
    let place = CommitLock()
    private let fileLock: FileLock?
    private let clock: WallClock
    let blobs: BlobDirectory?
    private let prepared: PreparedVote
    private let objectIDs: Mutex<ObjectIDSequence>
    let packGate = PackGate()
    let packThread = DispatchQueue(label: "zodb.filestorage.pack", qos: .utility)
    let packStep: @Sendable (PackFiles.Step) throws -> Void
    let wrapping: @Sendable (PositionalFile) -> any AppendableFile

    /// Opens a data file, on a thread of its own: without a fresh index file all of it has to be read.
    ///
    /// Throws `StorageError.locked` when the file is open for writing already, `.unsupportedFormat` when it is none of
    /// ours, and `.corrupted` with a position when it contradicts itself; then nothing has been changed.
    @concurrent
    public static func open(_ configuration: FileStorageConfiguration) async throws -> FileStorage {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global(qos: .userInitiated).async {
                continuation.resume(with: Result { try FileStorage(configuration) })
            }
        }
    }

    /// Opens a data file. `wrapping` may put something between a writer and a file; `packStep` is called at moments of a
    /// pack.
    init(
        _ configuration: FileStorageConfiguration,
        clock: @escaping WallClock = systemWallClock,
        packStep: @escaping @Sendable (PackFiles.Step) throws -> Void = { _ in },
        wrapping: @escaping @Sendable (PositionalFile) -> any AppendableFile = { $0 }
    ) throws {
        let name = configuration.path
        var configuration = configuration
        configuration.path = FileSystem.absolute(name)
        let opened = try OpenedFile(configuration)
        self.configuration = configuration
        self.fileLock = opened.lock
        self.clock = clock
        self.packStep = packStep
        self.wrapping = wrapping
        self.blobs = try Self.blobDirectory(configuration)
        let traits = StorageTraits(
            name: name,
            isReadOnly: configuration.readOnly,
            supportsUndo: true,
            interfaces: [
                "IStorageRestoreable", "IStorageIteration", "IStorageUndoable", "IStorageCurrentRecordIteration",
                "IExternalGC", "IStorage",
            ],
            iteratesCurrentRecords: true
        )
        self.traits = self.blobs.map(traits.withBlobs(in:)) ?? traits
        let index = ObjectIndex(.init(file: opened.file, table: opened.table, end: opened.end))
        let statistics = StorageStatistics(objectCount: opened.table.count, byteCount: opened.end)
        let history = VisibleHistory(last: opened.last, statistics: statistics)
        let saver = IndexSaver(index, dataPath: configuration.path, savedEnd: opened.indexedEnd ?? 0)
        self.index = index
        self.history = history
        self.indexSaver = saver
        self.appender = Appender(
            wrapping(opened.file),
            path: configuration.path,
            end: opened.end,
            synchronizesTwice: configuration.synchronizesTwice,
            logger: configuration.logger,
            observer: configuration.writeObserver
        ) { encoded, origin in
            let statistics = index.update(encoded.objects, end: encoded.end)
            let transaction = CommittedTransaction(tid: encoded.tid, oids: encoded.oids, origin: origin)
            history.publish(transaction, statistics: statistics)
            saver.grown(statistics)
        }
        self.prepared = PreparedVote(after: opened.last)
        self.objectIDs = Mutex(ObjectIDSequence(after: opened.table.maximum ?? .root))
        // What took long to index is not to be indexed again after a crash.
        if !configuration.readOnly { saver.grown(statistics) }
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
        try self.reader().load(oid, before: tid)
    }

    public func load(_ oid: ObjectID, at serial: TransactionID) throws -> ByteBuffer {
        try self.reader().load(oid, at: serial)
    }

    public func serial(of oid: ObjectID, before tid: TransactionID) throws -> TransactionID? {
        try self.reader().serial(of: oid, before: tid)
    }

    public func newObjectIDs(_ count: Int) throws -> [ObjectID] {
        try self.checkWritable()
        return try self.objectIDs.withLock { try $0.next(count) }
    }

    public func vote(_ draft: TransactionDraft) async throws -> VoteOutcome {
        try self.checkWritable()
        try draft.metadata.checkLengths()
        let blobs = try await self.blobs?.staging(draft, of: self, keepsUndoneCreations: false)
        let draft = try CheckedDraft(self.blobs == nil ? draft : draft.withoutBlobs)
        try draft.checkEncodedLength()
        let undone = try await self.undoneTransactions(of: draft)
        let bases = try MergeBases(of: draft, committed: self.committedSerial, load: self.recordIfAny)
        let vote = try await self.place.acquire(for: draft.origin)
        let conflicts: [ObjectConflict]
        do {
            conflicts = try await self.prepare(draft, undone, bases, blobs, vote)
        } catch {
            self.place.release(vote)
            if let newest = (error as? StorageError)?.serials?.committed {
                try await self.appender.published(through: newest)
            }
            throw error
        }
        guard let newest = conflicts.map(\.committed).max() else { return .prepared(vote) }
        self.place.release(vote, keepingPlaceFor: draft.keepsPlaceFor)
        // Whoever hears of a conflict loads what it names. It may still be on its way to the disk.
        do {
            try await self.appender.published(through: newest)
        } catch {
            self.place.yield(draft.keepsPlaceFor)
            throw error
        }
        return .conflicts(conflicts)
    }

    /// Checks a draft and keeps it for `finish(_:)`, unless there are conflicts.
    private func prepare(
        _ draft: CheckedDraft,
        _ undone: [TransactionID: FoundTransaction],
        _ bases: MergeBases,
        _ blobs: BlobPlacement?,
        _ vote: VoteID
    ) async throws -> [ObjectConflict] {
        var draft = draft
        // Whoever held the place before may have met the end of all writing.
        try self.checkWritable()
        try self.checkQuota(draft)
        self.reserve(draft.oids)
        // The order matters: a transaction is visible before it leaves the queue.
        let newest = max(self.appender.newestQueued ?? .zero, self.history.last)
        try self.prepared.checkTransactionID(of: draft, after: newest)
        var conflicts = try draft.conflicts { try self.committedSerial(of: $0) }
        conflicts = try await draft.merge(
            conflicts,
            from: bases,
            published: self.appender.published,
            load: self.recordIfAny
        )
        guard conflicts.isEmpty else { return conflicts }
        if !draft.requests.isEmpty || !draft.merged.isEmpty {
            try await self.fulfilRequests(of: &draft, undoing: undone)
            try draft.checkEncodedLength()
            try self.checkQuota(draft)
            self.reserve(draft.oids)
        }
        try self.prepared.hold(.init(vote: vote, draft: draft, companion: blobs))
        return []
    }

    /// Nobody is given these identifiers for new objects.
    private func reserve(_ oids: [ObjectID]) {
        self.objectIDs.withLock { sequence in
            for oid in oids { sequence.reserve(oid) }
        }
    }

    public func mergedObjects(of vote: VoteID) async -> [ObjectID] { self.prepared.merged(by: vote) }

    public func yieldPlace(of origin: UInt64) async { self.place.yield(origin) }

    /// The record that a transaction wrote for an object; `nil` where it wrote none.
    private func recordIfAny(of oid: ObjectID, at serial: TransactionID) throws -> ByteBuffer? {
        do {
            return try self.load(oid, at: serial)
        } catch let error as StorageError where error.code == .noSuchObject {
            return nil
        }
    }

    public func finish(_ vote: VoteID) async throws -> TransactionID { try await self.finish(vote, with: nil) }

    func finish(_ vote: VoteID, with companion: (any CommitCompanion)?) async throws -> TransactionID {
        let (tid, prepared) = try self.prepared.take(vote, at: self.clock())
        guard let tid else {
            self.place.release(vote)
            throw StorageError.noTransactionID
        }
        let draft = prepared.draft
        let companion = companion ?? prepared.companion
        let encoded: EncodedTransaction
        do {
            encoded = try EncodedTransaction(draft, tid: tid, at: self.appender.end) { try self.newestPosition(of: $0) }
            try companion?.place(for: tid)
        } catch {
            self.place.release(vote)
            throw error
        }
        try await self.appender.append(encoded, origin: draft.origin, with: companion) { self.place.release(vote) }
        return tid
    }

    func published(through tid: TransactionID) async throws { try await self.appender.published(through: tid) }

    public func abort(_ vote: VoteID) async {
        if self.prepared.drop(vote) { self.place.release(vote) }
    }

    public func recentTransactions(after tid: TransactionID, limit: Int) async throws -> [CommittedTransaction] {
        let visible = self.history.last
        let (file, end) = try self.index.extent()
        var log = TransactionLog(file, end: end)
        return try log.newest(after: tid, through: visible, limit: limit)
    }

    public func blob(of oid: ObjectID, at serial: TransactionID) async throws -> String {
        guard let blobs = self.blobs else { throw StorageError.unsupported("keep blobs", self) }
        try self.checkOpen()
        // What is in its place and not visible yet is not for anybody.
        guard serial <= self.history.last else { throw StorageError.noSuchRevision(oid, serial) }
        return try blobs.existingFile(of: oid, at: serial)
    }

    public func blobFolder(of oid: ObjectID) -> String? { self.blobs?.folder(of: oid) }

    public func addObserver(_ observer: any StorageObserver) async throws -> TransactionID {
        try self.checkOpen()
        return self.history.add(observer)
    }

    public func removeObserver(_ observer: any StorageObserver) async {
        self.history.remove(observer)
    }

    public func close() async throws {
        let (isFirst, held) = self.prepared.close()
        guard isFirst else { return }
        if let held { self.place.release(held) }
        // A finish that is about to queue its transaction holds the place until it has, and so does a pack's last piece.
        try await self.place.close()
        await self.packGate.close()
        try await self.appender.settle()
        self.history.close()
        if !self.configuration.readOnly {
            do {
                try await self.indexSaver.saveNow()
            } catch {
                self.configuration.logger?.info(
                    "The index file could not be written; the next opening builds it again",
                    metadata: ["storage.path": "\(self.configuration.path)", "error": "\(error)"]
                )
            }
        }
        self.index.close()
        self.fileLock?.release()
    }

    /// The number of transactions that have their tid and are not visible yet.
    var queuedTransactionCount: Int { self.appender.queuedCount }

    /// The number of votes that have met a transaction that is not visible yet, and wait for it.
    var waitingForPublicationCount: Int { self.appender.waitingForPublicationCount }

    /// The position behind the last transaction that has its tid.
    var queuedEnd: Int { self.appender.end }

    private static func blobDirectory(_ configuration: FileStorageConfiguration) throws -> BlobDirectory? {
        guard let path = configuration.blobDirectory else { return nil }
        if configuration.create { try FileSystem.removeTree(path) }
        return try BlobDirectory(path, isWritable: !configuration.readOnly, logger: configuration.logger)
    }

    /// A reader of what is visible now.
    func reader() -> RevisionReader {
        // The order matters: what is visible now is in the index by the time of any look-up after this.
        RevisionReader(visible: self.history.last, index: self.index)
    }

    /// The newest revision of an object, whether it is visible already or still queued.
    func committedSerial(of oid: ObjectID) throws -> CommittedSerial? {
        // The order matters: a transaction is in the index before it leaves the queue.
        if let queued = self.appender.queuedRevision(of: oid) {
            return CommittedSerial(tid: queued.tid, isUndoneCreation: queued.isUndoneCreation)
        }
        let (file, position) = try self.index.find(oid)
        return try position.map { try RecordReader(file).serial(at: $0, of: oid) }
    }

    /// Where the newest record of an object is, or will be; zero when there is none.
    func newestPosition(of oid: ObjectID) throws -> Int {
        if let queued = self.appender.queuedRevision(of: oid) { return queued.position }
        return try self.index.find(oid).position ?? 0
    }

    func checkOpen() throws { try self.prepared.checkOpen() }

    func checkWritable() throws {
        try self.checkOpen()
        if self.configuration.readOnly { throw StorageError.readOnly }
        try self.appender.checkWritable()
    }

    /// Refuses a draft whose last record would begin behind the quota, as Python's FileStorage does.
    private func checkQuota(_ draft: CheckedDraft) throws {
        guard let quota = self.configuration.quota, let last = draft.stores.lastIndex(where: { !$0.ignoresQuota })
        else {
            return
        }
        let behind = draft.stores[last...].reduce(0) { $0 + DataHeader.recordLength(ofData: $1.payload.dataLength) }
        let lastRecord = self.appender.end + draft.encodedLength - TransactionHeader.trailerSize - behind
        guard lastRecord > quota else { return }
        throw StorageError(.quotaExceeded, "\(self.configuration.path) may not grow beyond \(quota) bytes")
    }
}
