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

/// What is left of a blob when something goes wrong between its file and its record.
@Suite(.timeLimit(.minutes(1))) struct BlobCrashTests {
    private let a = ObjectID.numbered(1)

    /// Calls `onWrite` before each write.
    private final class WatchedFile: AppendableFile {
        private let file: PositionalFile
        private let onWrite: @Sendable (ByteBuffer) throws -> Void

        init(_ file: PositionalFile, _ onWrite: @escaping @Sendable (ByteBuffer) throws -> Void) {
            self.file = file
            self.onWrite = onWrite
        }

        func write(_ bytes: ByteBuffer, at position: Int) throws {
            try self.onWrite(bytes)
            try self.file.write(bytes, at: position)
        }

        func synchronize() throws { try self.file.synchronize() }

        func truncate(to length: Int) throws { try self.file.truncate(to: length) }
    }

    private func withWatchedStorage(
        _ isWrapped: Bool,
        onWrite: @escaping @Sendable (_ folder: String, _ bytes: ByteBuffer) throws -> Void,
        _ body: (any LocalStorage, _ folder: String) async throws -> Void
    ) async throws {
        try await withTemporaryDirectory { folder in
            let blobs = folder + "/blobs"
            let file = try FileStorage(
                .init(path: folder + "/Data.fs", blobDirectory: isWrapped ? nil : blobs),
                wrapping: { file in WatchedFile(file) { try onWrite(folder, $0) } }
            )
            try await body(isWrapped ? try BlobStorage(file, blobDirectory: blobs) : file, folder)
        }
    }

    @Test(arguments: [true, false])
    func fileIsInItsPlaceBeforeTheFirstByteOfItsRecord(_ isWrapped: Bool) async throws {
        let found = Mutex<[[String]]>([])
        try await self.withWatchedStorage(isWrapped) { folder, _ in
            let directory = try BlobDirectory(folder + "/blobs", isWritable: false)
            let files = (try? names(in: directory.folder(of: .numbered(1)))) ?? []
            found.withLock { $0.append(files) }
        } _: { storage, folder in
            let first = try await storage.commitBlob(a, .zero, "one")
            let second = try await storage.commitBlob(a, first, "two")
            let files = [first, second].map(BlobLayout.bushy.fileName(of:))
            #expect(found.withLock { $0 } == [[files[0]], files])
            try await storage.close()
        }
    }

    @Test(arguments: [true, false])
    func fileWithoutARecordDoesNoHarm(_ isWrapped: Bool) async throws {
        struct PowerFailure: Error {}
        let fails = Atomic(false)
        try await self.withWatchedStorage(isWrapped) { _, _ in
            if fails.load(ordering: .relaxed) { throw PowerFailure() }
        } _: { storage, folder in
            let first = try await storage.commitBlob(a, .zero, "one")
            fails.store(true, ordering: .relaxed)
            let error = await #expect(throws: StorageError.self) { try await storage.commitBlob(a, first, "lost") }
            #expect(error?.code == .writeFailed)
            #expect(try await storage.lastTransaction() == first)
            #expect(try await storage.blobText(a, first) == "one")
            try? await storage.close()

            let kind = isWrapped ? BlobStorageKind.aroundFile : .file
            let again = try kind.open(in: folder)
            #expect(try await again.lastTransaction() == first)
            let second = try await again.commitBlob(a, first, "two")
            #expect(try await again.blobText(a, second) == "two")
            #expect(try await again.blobText(a, first) == "one")
            try await again.close()
            let dump = try await runPython("blobs.py", ["dump", isWrapped ? "around" : "file", folder])
            #expect(dump.contains(second.hex) && !dump.contains("-1"))
        }
    }

    @Test(arguments: BlobStorageKind.allCases)
    func missingFolderForBlobsFailsTheTransactionAlone(_ kind: BlobStorageKind) async throws {
        try await kind.withStorage { storage, folder in
            let first = try await storage.commitBlob(a, .zero, "one")
            let blob = try storage.stagedBlob("lost")
            let path = try #require(blob.path)
            let draft = TransactionDraft(operations: [.storeBlob(a, serial: first, data: .blobRecord, blob: blob)])
            let vote = try await storage.prepare(draft)
            try FileManager.default.removeItem(atPath: path)
            let error = await #expect(throws: StorageError.self) { try await storage.finish(vote) }
            #expect(error?.code == .writeFailed)
            let second = try await storage.commitBlob(a, first, "two")
            #expect(try await storage.blobText(a, second) == "two")
            #expect(try await storage.load(a, before: second)?.tid == first)
        }
    }

    /// ZKZEO_BLOB_MEGABYTES is how big; make evidence takes more than a gigabyte.
    @Test func bigBlobTakesLittleMemory() async throws {
        let megabytes = ProcessInfo.processInfo.environment["ZKZEO_BLOB_MEGABYTES"].flatMap(Int.init) ?? 96
        try await withTemporaryDirectory { folder in
            // Where there is another file system, the blob has to be copied.
            let shared = FileManager.default.isWritableFile(atPath: "/dev/shm") ? "/dev/shm" : folder
            let path = shared + "/zkzeo-" + UUID().uuidString
            let piece = ByteBuffer(repeating: 0x62, count: 1 << 20)
            let file = try PositionalFile(path, .create)
            for number in 0..<megabytes { try file.write(piece, at: number << 20) }
            let storage = try BlobStorageKind.file.open(in: folder)
            let before = try peakMemory()
            let draft = TransactionDraft(operations: [
                .storeBlob(a, serial: .zero, data: .blobRecord, blob: UncommittedBlob(path: path))
            ])
            let tid = try await storage.finish(try await storage.prepare(draft))
            #expect(try peakMemory() - before < 48 << 20)
            let blob = try await storage.blob(of: a, at: tid)
            #expect(try FileSystem.information(blob)?.size == megabytes << 20)
            #expect(!FileManager.default.fileExists(atPath: path))
            try await storage.close()
        }
    }

    /// The most memory that this process has had so far, in bytes.
    private func peakMemory() throws -> Int {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") })
        return try #require(Int(line.filter(\.isNumber))) << 10
    }
}
