//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import Synchronization
import Testing
import ZODBFormat

@testable import ZODBStorage

/// What storages with blobs promise, shown on each of them.
@Suite(.timeLimit(.minutes(1))) struct BlobCommitTests {
    private let a = ObjectID.numbered(1)
    private let b = ObjectID.numbered(2)

    @Test(arguments: BlobStorageKind.allCases)
    func everyRevisionOfABlobIsKept(_ kind: BlobStorageKind) async throws {
        try await kind.withStorage { storage, folder in
            let first = try await storage.commitBlobs([(a, .zero, "one"), (b, .zero, "other")])
            let second = try await storage.commitBlob(a, first, "two")
            #expect(try await storage.blobText(a, first) == "one")
            #expect(try await storage.blobText(a, second) == "two")
            #expect(try await storage.blobText(b, first) == "other")
            #expect(try await storage.load(a, before: .max)?.data == .blobRecord)
            #expect(try names(in: folder + "/blobs/tmp") == [])
            for (oid, tid) in [(b, second), (a, second.successor), (.numbered(9), first)] {
                let error = await #expect(throws: StorageError.self) { try await storage.blob(of: oid, at: tid) }
                #expect(error?.code == .noSuchObject)
            }
            let path = try await storage.blob(of: a, at: second)
            let permissions = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
            #expect(permissions.map { $0 & 0o222 } == 0, "nobody may write to it")
        }
    }

    @Test(arguments: BlobStorageKind.allCases)
    func traitsTellOfBlobs(_ kind: BlobStorageKind) async throws {
        try await kind.withStorage { storage, folder in
            #expect(storage.traits.blobDirectory == folder + "/blobs")
            #expect(storage.traits.blobStagingDirectory == folder + "/blobs/tmp")
            let expected = kind.isDurable ? ["IBlobStorageRestoreable", "IBlobStorage"] : ["IBlobStorage"]
            #expect(Array(storage.traits.interfaces.prefix(2)) == expected)
            #expect(storage.traits.interfaces.count == (kind.isDurable ? 8 : 1))
        }
    }

    @Test(arguments: BlobStorageKind.allCases)
    func blobOfAConflictCanBeStoredAgain(_ kind: BlobStorageKind) async throws {
        try await kind.withStorage { storage, folder in
            let first = try await storage.commitBlob(a, .zero, "one")
            let second = try await storage.commitBlob(a, first, "two")
            let blob = try storage.stagedBlob("mine")
            let stale = TransactionDraft(operations: [.storeBlob(a, serial: first, data: .blobRecord, blob: blob)])
            guard case .conflicts(let conflicts) = try await storage.vote(stale) else {
                Issue.record("the vote was prepared")
                return
            }
            #expect(conflicts.map(\.committed) == [second])
            let fresh = TransactionDraft(operations: [.storeBlob(a, serial: second, data: .blobRecord, blob: blob)])
            let third = try await storage.finish(try await storage.prepare(fresh))
            #expect(try await storage.blobText(a, third) == "mine")
            #expect(blob.path == nil)
            let again = TransactionDraft(operations: [.storeBlob(a, serial: third, data: .blobRecord, blob: blob)])
            let error = await #expect(throws: StorageError.self) { try await storage.vote(again) }
            #expect(error?.code == .invalidArgument)
            try await storage.commit(a, third, "no blob any more")
        }
    }

    @Test(arguments: BlobStorageKind.allCases)
    func blobOfAnAbortedVoteIsGone(_ kind: BlobStorageKind) async throws {
        try await kind.withStorage { storage, folder in
            do {
                let draft = TransactionDraft(operations: [
                    .storeBlob(a, serial: .zero, data: .blobRecord, blob: try storage.stagedBlob("given up"))
                ])
                let vote = try await storage.prepare(draft)
                #expect(try names(in: folder + "/blobs/tmp").count == 1)
                await storage.abort(vote)
            }
            try await eventually("the file is gone") { try names(in: folder + "/blobs/tmp") == [] }
            try await storage.commitBlob(a, .zero, "kept")
        }
    }

    @Test(arguments: BlobStorageKind.allCases)
    func blobFromElsewhereIsTakenOver(_ kind: BlobStorageKind) async throws {
        try await kind.withStorage { storage, folder in
            let path = folder + "/elsewhere"
            try "from afar".write(toFile: path, atomically: true, encoding: .utf8)
            let draft = TransactionDraft(operations: [
                .storeBlob(a, serial: .zero, data: .blobRecord, blob: UncommittedBlob(path: path))
            ])
            let tid = try await storage.finish(try await storage.prepare(draft))
            #expect(try await storage.blobText(a, tid) == "from afar")
            #expect(!FileManager.default.fileExists(atPath: path))
            let missing = TransactionDraft(operations: [
                .storeBlob(b, serial: .zero, data: .blobRecord, blob: UncommittedBlob(path: path))
            ])
            let error = await #expect(throws: StorageError.self) { try await storage.vote(missing) }
            #expect(error?.code == .invalidArgument)
            #expect(error?.oid == b)
        }
    }

    @Test(arguments: BlobStorageKind.allCases)
    func folderThatAPackRemovedIsMadeAgain(_ kind: BlobStorageKind) async throws {
        try await kind.withStorage { storage, folder in
            let draft = TransactionDraft(operations: [
                .storeBlob(a, serial: .zero, data: .blobRecord, blob: try storage.stagedBlob("late"))
            ])
            let vote = try await storage.prepare(draft)
            try BlobDirectory(folder + "/blobs", isWritable: true).remove(a, at: .zero)
            #expect(try names(in: folder + "/blobs") == ["tmp"])
            let tid = try await storage.finish(vote)
            #expect(try await storage.blobText(a, tid) == "late")
        }
    }

    @Test func storageWithoutBlobsRefusesThem() async throws {
        try await withTemporaryDirectory { folder in
            let path = folder + "/some"
            try "some".write(toFile: path, atomically: true, encoding: .utf8)
            for storage: any LocalStorage in [MappingStorage(), try FileStorage(.init(path: folder + "/Data.fs"))] {
                let draft = TransactionDraft(operations: [
                    .storeBlob(a, serial: .zero, data: .blobRecord, blob: UncommittedBlob(path: path))
                ])
                let error = await #expect(throws: StorageError.self) { try await storage.vote(draft) }
                #expect(error?.code == .unsupported)
                await #expect(throws: StorageError.self) { try await storage.blob(of: a, at: .zero) }
                try await storage.commit(a, .zero, "a record")
                try await storage.close()
            }
        }
    }

    @Test func blobStorageIsNotPutAroundBlobs() async throws {
        try await BlobStorageKind.file.withStorage { storage, folder in
            let error = #expect(throws: StorageError.self) { try BlobStorage(storage, blobDirectory: folder + "/more") }
            #expect(error?.code == .unsupported)
        }
    }

    @Test func packOfAStorageThatCannotUndoKeepsTheCurrentBlobs() async throws {
        try await BlobStorageKind.aroundMapping.withStorage { storage, folder in
            let first = try await storage.commitBlobs([(a, .zero, "a one"), (b, .zero, "b one")])
            let second = try await storage.commitBlob(a, first, "a two")
            // Files without records: of a transaction that failed long ago, and of one that is about to commit.
            let directory = try BlobDirectory(folder + "/blobs", isWritable: true)
            let other = ObjectID.numbered(0x0103)
            try FileSystem.makeFolders(directory.folder(of: other))
            for (oid, tid) in [(other, first), (a, second.successor)] {
                try "x".write(toFile: directory.file(of: oid, at: tid), atomically: true, encoding: .utf8)
            }
            try await storage.pack(PackRequest(before: first, collectsGarbage: false))
            var found: [ObjectID: [TransactionID]] = [:]
            try directory.forEachObject { found[$0.oid] = $0.tids }
            #expect(found == [a: [second, second.successor], b: [first]])
            #expect(!FileManager.default.fileExists(atPath: directory.folder(of: other)))
            #expect(try await storage.blobText(a, second) == "a two")
        }
    }

    @Test(arguments: [BlobStorageKind.file, .aroundFile], [true, false])
    func undoBringsBlobsBack(_ kind: BlobStorageKind, atOnce: Bool) async throws {
        try await kind.withStorage { storage, folder in
            func undo(_ tids: TransactionID...) async throws -> TransactionID {
                let draft = TransactionDraft(operations: tids.map { .undo($0) })
                return try await storage.finish(try await storage.prepare(draft))
            }
            let first = try await storage.commitBlob(a, .zero, "one")
            let second = try await storage.commitBlob(a, first, "two")
            let third = try await storage.commitBlob(a, second, "three")
            var last = try await atOnce ? undo(third, second) : undo(third)
            if !atOnce {
                #expect(try await storage.blobText(a, last) == "two")
                last = try await undo(second)
            }
            #expect(try await storage.blobText(a, last) == "one")
            #expect(try await storage.blobText(a, third) == "three")
            try await eventually("nothing is left over") { try names(in: folder + "/blobs/tmp") == [] }

            let created = try await storage.commitBlob(b, .zero, "created")
            let undone = try await undo(created)
            await #expect(throws: StorageError.self) { try await storage.load(b, before: .max) }
            let again = try await undo(undone)
            #expect(try await storage.load(b, before: .max)?.tid == again)
            #expect(try await storage.blobText(b, again) == "created")
            let path = try await storage.blob(of: b, at: again)
            let permissions = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
            #expect(permissions.map { $0 & 0o222 } == 0)
            try await storage.close()
            let dump = try await runPython("blobs.py", ["dump", kind == .file ? "file" : "around", folder])
            #expect(!dump.contains("-1"), "\(dump)")
        }
    }

    @Test(arguments: [BlobStorageKind.file, .aroundFile])
    func blobsOfAHistoryAreRestored(_ kind: BlobStorageKind) async throws {
        try await kind.withStorage { storage, folder in
            let tid = try #require(TransactionID(TransactionTime(year: 2001, month: 2, day: 3)))
            var draft = TransactionDraft(operations: [
                .restore(a, serial: tid, data: .blobRecord, dataTransaction: nil, blob: try storage.stagedBlob("old"))
            ])
            draft.tid = tid
            #expect(try await storage.finish(try await storage.prepare(draft)) == tid)
            #expect(try await storage.blobText(a, tid) == "old")
            let second = try await storage.commitBlob(a, tid, "new")
            #expect(try await storage.blobText(a, second) == "new")
        }
    }
}
