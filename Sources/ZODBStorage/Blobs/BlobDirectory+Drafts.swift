//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Dispatch
import ZODBFormat

extension BlobDirectory {
    /// Gets the files of everything that a draft says about blobs ready for their places; `nil` when it says nothing.
    ///
    /// A transaction that undoes others gets the files of the revisions before those. It must see the same history as
    /// `storage`, whose vote it is. Where it undoes the creation of an object there is no such revision; with
    /// `keepsUndoneCreations` it gets the file of the creation then, as Python's BlobStorage has it, which needs that file
    /// to undo the undo.
    ///
    /// Throws `StorageError.undoFailed` where the file of a blob before an undone transaction is missing.
    func staging(
        _ draft: TransactionDraft,
        of storage: any CompanionedStorage,
        keepsUndoneCreations: Bool
    ) async throws -> BlobPlacement? {
        var blobs: [(oid: ObjectID, blob: UncommittedBlob)] = []
        for operation in draft.operations {
            switch operation {
            case .storeBlob(let oid, _, _, let blob): blobs.append((oid, blob))
            case .restore(let oid, _, _, _, let blob?): blobs.append((oid, blob))
            case .undo(let tid):
                // It may be on its way to the disk still.
                try await storage.published(through: tid)
                blobs += try await self.blobs(before: tid, in: storage, keepsUndoneCreations)
            case .store, .checkCurrent, .delete, .restore: break
            }
        }
        guard !blobs.isEmpty else { return nil }
        return try await withCheckedThrowingContinuation { [blobs] continuation in
            DispatchQueue.global(qos: .userInitiated).async {
                continuation.resume(with: Result { try BlobPlacement.staging(blobs, in: self) })
            }
        }
    }

    /// The blobs that objects had before a transaction changed them.
    private func blobs(
        before tid: TransactionID,
        in storage: any LocalStorage,
        _ keepsUndoneCreations: Bool
    ) async throws -> [(oid: ObjectID, blob: UncommittedBlob)] {
        var blobs: [(oid: ObjectID, blob: UncommittedBlob)] = []
        var problems: [(oid: ObjectID, problem: String)] = []
        guard let transaction = try await self.transaction(tid, in: storage) else { return [] }
        let records = try await transaction.records()
        while let record = try await records.next() {
            let earlier = try ifAny { try storage.serial(of: record.oid, before: tid) }
            guard let wanted = earlier ?? (keepsUndoneCreations ? tid : nil) else { continue }
            let source = self.file(of: record.oid, at: wanted)
            if let blob = try self.stagedCopy(of: source) {
                blobs.append((record.oid, blob))
            } else if let earlier, let data = try ifAny({ try storage.load(record.oid, at: earlier) }),
                ObjectRecord.isBlob(data)
            {
                problems.append((record.oid, "the file of its blob before that, \(source), is missing"))
            }
        }
        guard problems.isEmpty else { throw StorageError.undoFailed(tid, problems) }
        return blobs
    }

    /// A second name, or a copy, of a file; `nil` when there is none.
    private func stagedCopy(of source: String) throws -> UncommittedBlob? {
        let staged = self.newStagingFile()
        do {
            try FileSystem.linkOrCopy(source, to: staged)
            return UncommittedBlob(path: staged)
        } catch let error as FileError where error.isMissing {
            guard try FileSystem.information(source) == nil else { throw error }
            return nil
        }
    }

    private func transaction(_ tid: TransactionID, in storage: any LocalStorage) async throws -> StoredTransaction? {
        do {
            return try await storage.transactions(from: tid, through: tid).next()
        } catch let error as StorageError where error.code == .unsupported {
            // Such a storage undoes nothing, and its vote will say so.
            return nil
        }
    }
}

extension TransactionDraft {
    /// The draft for a storage that hears of blobs no other way than as records.
    var withoutBlobs: TransactionDraft {
        var draft = self
        draft.operations = self.operations.map { operation in
            switch operation {
            case .storeBlob(let oid, let serial, let data, _):
                .store(oid, serial: serial, data: data)
            case .restore(let oid, let serial, let data, let dataTransaction, _?):
                .restore(oid, serial: serial, data: data, dataTransaction: dataTransaction, blob: nil)
            default: operation
            }
        }
        return draft
    }
}
