//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Dispatch
public import Logging
import Synchronization
public import ZODBFormat

/// A storage that keeps blobs beside another one, which knows only records (Python's `ZODB.blob.BlobStorage`).
///
/// Guarded by `state`: the blobs of the votes that are held, and whether a pack is under way.
public final class BlobStorage: StorageWrapper, CompanionedStorage {
    public let base: any LocalStorage
    public let traits: StorageTraits

    private struct State {
        var placements: [VoteID: BlobPlacement] = [:]
        var isPacking = false
    }

    private let companioned: any CompanionedStorage
    private let directory: BlobDirectory
    private let state = Mutex(State())

    /// Keeps the blobs of `base` in the directory at `blobDirectory`, which is made if it is missing.
    ///
    /// Throws `StorageError.unsupported` when `base` keeps blobs itself, or does not tell the tid of a transaction
    /// before it commits it (the storages of this module do), and `.unsupportedFormat` for a directory of others.
    public init(_ base: any LocalStorage, blobDirectory: String, logger: Logger? = nil) throws {
        guard base.traits.blobDirectory == nil else {
            throw StorageError(
                .unsupported,
                "\(base.traits.name) keeps blobs itself; it needs no blob storage around it"
            )
        }
        guard let companioned = base as? any CompanionedStorage else {
            throw StorageError.unsupported("be told of blobs before it commits", base)
        }
        self.base = base
        self.companioned = companioned
        self.directory = try BlobDirectory(blobDirectory, isWritable: !base.traits.isReadOnly, logger: logger)
        self.traits = base.traits.withBlobs(in: self.directory)
    }

    public func vote(_ draft: TransactionDraft) async throws -> VoteOutcome {
        let placement = try await self.directory.staging(draft, of: self.companioned, keepsUndoneCreations: true)
        let outcome = try await self.base.vote(draft.withoutBlobs)
        if case .prepared(let vote) = outcome, let placement {
            self.state.withLock { $0.placements[vote] = placement }
        }
        return outcome
    }

    public func finish(_ vote: VoteID) async throws -> TransactionID { try await self.finish(vote, with: nil) }

    func finish(_ vote: VoteID, with companion: (any CommitCompanion)?) async throws -> TransactionID {
        let placement = self.state.withLock { $0.placements.removeValue(forKey: vote) }
        return try await self.companioned.finish(vote, with: placement ?? companion)
    }

    public func abort(_ vote: VoteID) async {
        self.state.withLock { $0.placements[vote] = nil }
        await self.base.abort(vote)
    }

    public func blob(of oid: ObjectID, at serial: TransactionID) async throws -> String {
        // What is placed and not visible yet is not for anybody.
        guard serial <= (try await self.base.lastTransaction()) else { throw StorageError.noSuchRevision(oid, serial) }
        return try self.directory.existingFile(of: oid, at: serial)
    }

    public func blobFolder(of oid: ObjectID) -> String? { self.directory.folder(of: oid) }

    public func pack(_ request: PackRequest) async throws {
        let isFirst = self.state.withLock { state in
            defer { state.isPacking = true }
            return !state.isPacking
        }
        guard isFirst else { throw StorageError(.packing, "\(self.traits.name) is being packed already") }
        defer { self.state.withLock { $0.isPacking = false } }
        try await self.base.pack(request)
        // Files that come after this may not have their records yet.
        let last = try await self.base.lastTransaction()
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            DispatchQueue.global(qos: .utility).async {
                continuation.resume(with: Result { try self.removeBlobs(through: last) })
            }
        }
    }

    /// Removes the blobs of records that are gone. Of a storage that cannot undo only the current ones are kept, as
    /// Python does it.
    private func removeBlobs(through last: TransactionID) throws {
        try self.directory.forEachObject { object in
            let tids = object.tids.filter { $0 <= last }
            if self.traits.supportsUndo {
                for tid in tids where try !self.hasRecord(of: object.oid, at: tid) {
                    try self.directory.remove(object.oid, at: tid)
                }
            } else if try self.exists(object.oid) {
                for tid in tids.dropLast() { try self.directory.remove(object.oid, at: tid) }
            } else {
                try self.directory.removeAll(of: object.oid, through: last)
            }
        }
    }

    private func hasRecord(of oid: ObjectID, at tid: TransactionID) throws -> Bool {
        do {
            _ = try self.base.load(oid, at: tid)
            return true
        } catch let error as StorageError where error.code == .noSuchObject {
            return false
        }
    }

    private func exists(_ oid: ObjectID) throws -> Bool {
        do {
            return try self.base.serial(of: oid, before: .max) != nil
        } catch let error as StorageError where error.code == .noSuchObject {
            return false
        }
    }
}

extension StorageTraits {
    /// The traits of the same storage with blobs, which tells Python clients the interfaces that Python's would.
    func withBlobs(in directory: BlobDirectory) -> StorageTraits {
        var traits = self
        traits.blobDirectory = directory.path
        traits.blobStagingDirectory = directory.stagingPath
        let isRestorable = self.interfaces.contains("IStorageRestoreable")
        traits.interfaces =
            isRestorable ? ["IBlobStorageRestoreable", "IBlobStorage"] + self.interfaces : ["IBlobStorage"]
        return traits
    }
}
