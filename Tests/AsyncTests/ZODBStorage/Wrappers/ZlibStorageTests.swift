//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import Testing
import ZODBFormat

@testable import ZODBStorage

@Suite(.timeLimit(.minutes(1))) struct ZlibStorageTests {
    private let a = ObjectID.numbered(1)
    private let b = ObjectID.numbered(2)
    private let long = String(repeating: "a long record ", count: 100)

    @Test func recordsLieCompressedInTheBase() async throws {
        let base = MappingStorage()
        let storage = ZlibStorage(base)
        let first = try await storage.commit([(a, .zero, long), (b, .zero, "short")])
        #expect(try await storage.text(a) == long)
        #expect(try storage.load(a, at: first) == ByteBuffer(string: long))
        #expect(try await storage.text(b) == "short")
        let raw = try base.load(a, at: first)
        #expect(raw.readableBytes < 100 && CompressedRecord.isCompressed(raw))
        #expect(try base.load(b, at: first) == ByteBuffer(string: "short"), "what would grow is left alone")
        #expect(storage.traits.interfaces == ["IStorage", "IStorageIteration", "IStorageWrapper"])

        let stale = TransactionDraft(operations: [.store(a, serial: .zero, data: ByteBuffer(string: long + "!"))])
        guard case .conflicts(let conflicts) = try await storage.vote(stale) else {
            Issue.record("the vote was prepared")
            return
        }
        #expect(conflicts.map(\.data) == [ByteBuffer(string: long + "!")], "whoever resolves it sees its own record")

        let reading = ZlibStorage(base, compresses: false)
        #expect(try await reading.text(a) == long)
        let second = try await reading.commit(a, first, long)
        #expect(try base.load(a, at: second) == ByteBuffer(string: long))
        try await storage.close()
    }

    @Test func serverHandsRecordsThroughAsTheyAre() async throws {
        let storage = ServerZlibStorage(MappingStorage())
        let compressed = try CompressedRecord.compressed(ByteBuffer(string: long))
        let draft = TransactionDraft(operations: [.store(a, serial: .zero, data: compressed)])
        let tid = try await storage.finish(try await storage.prepare(draft))
        #expect(try storage.load(a, at: tid) == compressed)
        try await storage.close()
    }

    @Test func blobsCanBeKeptBesideCompressedRecords() async throws {
        try await withTemporaryDirectory { folder in
            let inner = ZlibStorage(try FileStorage(.init(path: folder + "/Data.fs")))
            let storage = try BlobStorage(inner, blobDirectory: folder + "/blobs")
            let tid = try await storage.commitBlob(a, .zero, "a blob")
            #expect(try await storage.blobText(a, tid) == "a blob")
            #expect(try storage.load(a, at: tid) == .blobRecord)
            try await storage.close()
        }
    }

    @Test func whatCannotBeExpandedIsRefused() throws {
        let record = ByteBuffer(string: long)
        let compressed = try CompressedRecord.compressed(record)
        #expect(try CompressedRecord.compressed(compressed) == compressed)
        #expect(try CompressedRecord.expanded(compressed) == record)
        #expect(try CompressedRecord.expanded(record) == record)
        #expect(try CompressedRecord.expanded(compressed, maximumLength: long.utf8.count) == record)
        let small = #expect(throws: StorageError.self) {
            try CompressedRecord.expanded(compressed, maximumLength: long.utf8.count - 1)
        }
        #expect(small?.code == .tooLarge)
        for length in [2, 3, 10, compressed.readableBytes - 1] {
            let cut = try #require(compressed.getSlice(at: compressed.readerIndex, length: length))
            let error = #expect(throws: StorageError.self) { try CompressedRecord.expanded(cut) }
            #expect(error?.code == .corrupted)
        }
        let noise = #expect(throws: StorageError.self) {
            try CompressedRecord.expanded(ByteBuffer(string: ".zno stream at all"))
        }
        #expect(noise?.code == .corrupted)
        let bomb = try CompressedRecord.compressed(ByteBuffer(repeating: 0, count: 64 << 20))
        #expect(bomb.readableBytes < 1 << 17)
        #expect(throws: StorageError.self) { try CompressedRecord.expanded(bomb, maximumLength: 1 << 20) }
    }
}
