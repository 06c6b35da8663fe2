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

/// What becomes of the files of blobs whose transactions are not committed after all.
@Suite(.timeLimit(.minutes(1))) struct BlobWithdrawalTests {
    private let a = ObjectID.numbered(1)
    private let b = ObjectID.numbered(2)

    private func withStorage(
        _ isWrapped: Bool,
        _ body: (any LocalStorage, FileStorage, TestDisk, BlobDirectory) async throws -> Void
    ) async throws {
        try await withTemporaryDirectory { folder in
            let disks = TestDisks()
            let path = folder + "/blobs"
            let file = try FileStorage(
                .init(path: folder + "/Data.fs", blobDirectory: isWrapped ? nil : path),
                wrapping: { disks.make($0) }
            )
            let storage: any LocalStorage = isWrapped ? try BlobStorage(file, blobDirectory: path) : file
            try await body(storage, file, disks.all[0], try BlobDirectory(path, isWritable: false))
            try? await storage.close()
        }
    }

    @Test(arguments: [true, false])
    func refusedTransactionsAndWhatStandsBehindThemLeaveNoFiles(_ isWrapped: Bool) async throws {
        try await self.withStorage(isWrapped) { storage, file, disk, directory in
            let first = try await storage.commitBlob(a, .zero, "one")
            disk.hold()
            let kept = Task { try await storage.commitBlob(b, .zero, "kept") }
            try await eventually("the disk works") { disk.isHoldingSynchronization }
            let end = file.queuedEnd
            var refused: [Task<TransactionID, any Error>] = []
            for number in 3..<6 {
                let count = file.queuedTransactionCount
                refused.append(Task { try await storage.commitBlob(.numbered(UInt64(number)), .zero, "refused") })
                try await eventually("it is queued") { file.queuedTransactionCount == count + 1 }
            }
            disk.fill(at: end + 30)
            disk.release()
            let second = try await kept.value
            for task in refused {
                let error = await #expect(throws: StorageError.self) { try await task.value }
                #expect(error?.code == .writeFailed)
            }
            var found: [ObjectID: [TransactionID]] = [:]
            try directory.forEachObject { found[$0.oid] = $0.tids }
            #expect(found == [a: [first], b: [second]])
            #expect(!FileManager.default.fileExists(atPath: directory.folder(of: .numbered(3))))
            disk.fill(at: nil)
            let third = try await storage.commitBlob(.numbered(3), .zero, "at last")
            #expect(try await storage.blobText(.numbered(3), third) == "at last")
        }
    }

    /// Nobody can tell whether the record is in the file: it must not be without its blob.
    @Test func fileOfATransactionWhoseFateIsNotKnownStays() async throws {
        try await self.withStorage(false) { storage, _, disk, directory in
            try await storage.commit(b, .zero, "a record")
            disk.refuseSynchronization()
            let error = await #expect(throws: StorageError.self) { try await storage.commitBlob(a, .zero, "one") }
            #expect(error?.message.contains("may or may not be there") == true)
            #expect(try directory.transactions(of: a).count == 1)
        }
    }

    @Test func storageInMemoryTakesBackWhatCannotBeMadeDurable() async throws {
        let storage = MappingStorage()
        let withdrawals = Atomic(0)
        let draft = TransactionDraft(operations: [.store(a, serial: .zero, data: ByteBuffer(string: "one"))])
        let vote = try await storage.prepare(draft)
        await #expect(throws: FileError.self) {
            try await storage.finish(
                vote,
                with: TestCompanion(FileError(operation: "fsync", path: "/blobs", code: EIO)) {
                    withdrawals.add(1, ordering: .relaxed)
                }
            )
        }
        #expect(withdrawals.load(ordering: .relaxed) == 1)
        try await storage.commit(a, .zero, "the place is free")
        try await storage.close()
    }
}
