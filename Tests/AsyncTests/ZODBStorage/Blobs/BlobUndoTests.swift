//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import ZODBFormat

@testable import ZODBStorage

/// Undoing what happened to blobs, when their files are not where they are expected.
@Suite(.timeLimit(.minutes(1))) struct BlobUndoTests {
    private let a = ObjectID.numbered(1)

    @Test(arguments: [BlobStorageKind.file, .aroundFile])
    func undoWithoutTheFileBeforeFails(_ kind: BlobStorageKind) async throws {
        try await kind.withStorage { storage, folder in
            let first = try await storage.commitBlob(a, .zero, "one")
            let second = try await storage.commitBlob(a, first, "two")
            let third = try await storage.commit(.numbered(2), .zero, "no blob")
            let fourth = try await storage.commit(.numbered(2), third, "no blob either")
            let path = try await storage.blob(of: a, at: first)
            try FileManager.default.moveItem(atPath: path, toPath: folder + "/aside")
            let undo = TransactionDraft(operations: [.undo(second)])
            let error = await #expect(throws: StorageError.self) { try await storage.vote(undo) }
            #expect(error?.code == .undoFailed)
            #expect(error?.undoProblems.map(\.oid) == [a])
            #expect(error?.message.contains(path) == true)
            #expect(try names(in: folder + "/blobs/tmp") == [])
            let other = TransactionDraft(operations: [.undo(fourth)])
            _ = try await storage.finish(try await storage.prepare(other))
            try FileManager.default.moveItem(atPath: folder + "/aside", toPath: path)
            let undone = try await storage.finish(try await storage.prepare(undo))
            #expect(try await storage.blobText(a, undone) == "one")
        }
    }

    @Test(arguments: [true, false])
    func undoOfATransactionThatIsNotVisibleYetGetsItsBlobs(_ isWrapped: Bool) async throws {
        try await withTemporaryDirectory { folder in
            let disks = TestDisks()
            let blobs = folder + "/blobs"
            let file = try FileStorage(
                .init(path: folder + "/Data.fs", blobDirectory: isWrapped ? nil : blobs),
                wrapping: { disks.make($0) }
            )
            let storage: any LocalStorage = isWrapped ? try BlobStorage(file, blobDirectory: blobs) : file
            let first = try await storage.commitBlob(a, .zero, "one")
            disks.all[0].hold()
            let commit = Task { try await storage.commitBlob(a, first, "two") }
            try await eventually("the disk works") { disks.all[0].isHoldingSynchronization }
            let second = try #require(file.appender.queuedRevision(of: a)?.tid)
            let undo = Task {
                try await storage.finish(try await storage.prepare(TransactionDraft(operations: [.undo(second)])))
            }
            try await eventually("the undo waits") { file.waitingForPublicationCount == 1 }
            disks.all[0].release()
            #expect(try await commit.value == second)
            let undone = try await undo.value
            #expect(try await storage.blobText(a, undone) == "one")
            try await storage.close()
        }
    }
}
