//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import Testing
import ZKZEOAsync
import ZODB
import ZODBFormat

@testable import ZODBStorage

/// Blobs through our client, with Python's server and ours, and Python's client in the same directories.
@Suite(.timeLimit(.minutes(1))) struct ClientBlobTests {
    static func open(
        _ address: ServiceAddress,
        _ directory: String,
        _ change: (inout ClientOptions) -> Void = { _ in }
    ) async throws -> ClientStorage {
        var options = ClientOptions()
        options.blobDirectory = directory
        change(&options)
        return try await ClientStorage.open(addresses: [address], options: options)
    }

    @Test(arguments: ServerKind.allCases)
    func aBlobThatOneClientCommitsAnotherOneReads(_ kind: ServerKind) async throws {
        try await withTemporaryDirectory { folder in
            try await kind.withServer(in: folder) { address in
                let first = try await Self.open(address, folder + "/first")
                let second = try await Self.open(address, folder + "/second")
                let oid = try await first.newObjectIDs(1)[0]
                let text = String(repeating: "0123456789", count: 50_000) + "end"
                let one = try await first.commitBlob(oid, .zero, text)
                let two = try await first.commitBlob(oid, one, "")
                // What was committed is in the cache, and nothing is left over.
                #expect(try await first.blobText(oid, one) == text)
                #expect(try names(in: folder + "/first/tmp").isEmpty)
                #expect(try await second.blobText(oid, one) == text)
                #expect(try await second.blobText(oid, two).isEmpty)
                #expect(try names(in: folder + "/second/tmp").isEmpty)
                let reader = try await second.openBlob(of: oid, at: one)
                #expect(try reader.read(at: 499_999, count: 10) == ByteBuffer(string: "9end"))
                let error = await #expect(throws: StorageError.self) { _ = try await second.blob(of: .root, at: two) }
                #expect(error?.code == .noSuchObject)
                try await first.close()
                try await second.close()
            }
        }
    }

    @Test(arguments: [ServerKind.python, .ours])
    func pythonAndSwiftShareOneCacheOfBlobs(_ kind: ServerKind) async throws {
        try await withTemporaryDirectory { folder in
            try await kind.withServer(in: folder) { address in
                let cache = folder + "/cache"
                let arguments = ["write", "\(address)", "cache", cache, "b", "python's"]
                let said = try await runPython("blob_client.py", arguments)
                let words = said.split(separator: "\n").last?.split(separator: " ").map { UInt64($0, radix: 16) } ?? []
                try #require(words.count == 2)
                let oid = ObjectID(rawValue: try #require(words[0]))
                let tid = TransactionID(rawValue: try #require(words[1]))

                let storage = try await Self.open(address, cache)
                let kept = try FileManager.default.attributesOfItem(atPath: try await storage.blob(of: oid, at: tid))
                #expect(try await storage.blobText(oid, tid) == "python's")
                // The file is Python's own: it was not downloaded.
                #expect(try await storage.blob(of: oid, at: tid).hasPrefix(cache))
                #expect(kept[.size] as? Int == 8)

                let mine = try await storage.commitBlob(oid, tid, "Swift's")
                try await storage.close()
                func read(_ tid: TransactionID, _ cache: String) async throws -> String {
                    try await runPython("blob_client.py", ["read", "\(address)", "cache", cache, "\(oid)", "\(tid)"])
                }
                #expect(try await read(mine, cache) == "Swift's")
                #expect(try await read(tid, folder + "/other") == "python's")
                // What Python downloaded we find.
                let other = try await Self.open(address, folder + "/other")
                #expect(try await other.blobText(oid, tid) == "python's")
                #expect(try await other.blobText(oid, mine) == "Swift's")
                try await other.close()
                #expect(try await read(mine, folder + "/other") == "Swift's")
            }
        }
    }

    @Test(arguments: [ServerKind.python, .ours])
    func theServersOwnDirectoryCanBeShared(_ kind: ServerKind) async throws {
        try await withTemporaryDirectory { folder in
            try await kind.withServer(in: folder) { address in
                let storage = try await Self.open(address, folder + "/blobs") { $0.sharedBlobDirectory = true }
                let oid = try await storage.newObjectIDs(1)[0]
                let tid = try await storage.commitBlob(oid, .zero, "shared")
                #expect(try await storage.blobText(oid, tid) == "shared")
                #expect(try names(in: folder + "/blobs/tmp").isEmpty)
                #expect(
                    try await runPython(
                        "blob_client.py",
                        ["read", "\(address)", "shared", folder + "/blobs", "\(oid)", "\(tid)"]
                    ) == "shared"
                )
                let error = await #expect(throws: StorageError.self) { _ = try await storage.blob(of: .root, at: tid) }
                #expect(error?.code == .noSuchObject)
                // A conflict leaves the blob with whoever wants to commit it.
                let blob = try storage.stagedBlob("again")
                func draft(_ serial: TransactionID) -> TransactionDraft {
                    TransactionDraft(operations: [.storeBlob(oid, serial: serial, data: .blobRecord, blob: blob)])
                }
                guard case .conflicts? = try? await storage.vote(draft(.zero)) else {
                    Issue.record("no conflict")
                    return
                }
                let again = try await storage.finish(try await storage.prepare(draft(tid)))
                #expect(try await storage.blobText(oid, again) == "again")
                #expect(blob.path == nil)
                try await storage.close()
            }
        }
    }

    @Test(arguments: [ServerKind.python, .ours])
    func aTransactionThatIsGivenUpLeavesNoFiles(_ kind: ServerKind) async throws {
        try await withTemporaryDirectory { folder in
            try await kind.withServer(in: folder) { address in
                let storage = try await Self.open(address, folder + "/cache")
                let oid = try await storage.newObjectIDs(1)[0]
                let missing = UncommittedBlob(path: folder + "/nothing")
                await #expect(throws: (any Error).self) {
                    _ = try await storage.vote(
                        TransactionDraft(operations: [.storeBlob(oid, serial: .zero, data: .blobRecord, blob: missing)])
                    )
                }
                do {
                    let blob = try storage.stagedBlob("never")
                    await storage.abort(
                        try await storage.prepare(
                            TransactionDraft(operations: [
                                .storeBlob(oid, serial: .zero, data: .blobRecord, blob: blob)
                            ])
                        )
                    )
                }
                #expect(try names(in: folder + "/cache/tmp").isEmpty)
                let tid = try await storage.commitBlob(oid, .zero, "after all")
                #expect(try await storage.blobText(oid, tid) == "after all")
                try await storage.close()
                try await eventually("the server has removed what it got") {
                    try names(in: folder + "/blobs/tmp").isEmpty
                }
            }
        }
    }

    /// The most memory that this process has had, in bytes.
    private static func peakMemory() throws -> Int {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        return (line?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) * 1024
    }

    /// `ZKZEO_BLOB_MEGABYTES` says how large; alone in its process a blob of gigabytes needs no more memory than a small one.
    @Test func aLargeBlobGoesBothWaysInPieces() async throws {
        let megabytes = Int(ProcessInfo.processInfo.environment["ZKZEO_BLOB_MEGABYTES"] ?? "") ?? 24
        try await withTemporaryDirectory { folder in
            try await ServerKind.ours.withServer(in: folder) { address in
                let first = try await Self.open(address, folder + "/first")
                let second = try await Self.open(address, folder + "/second")
                let path = first.traits.blobStagingDirectory! + "/large"
                let file = try PositionalFile(path, .create)
                let marker = ByteBuffer(string: "here")
                for megabyte in 0..<megabytes { try file.write(marker, at: megabyte << 20 + megabyte) }
                let size = try file.size()
                let before = try Self.peakMemory()
                let oid = try await first.newObjectIDs(1)[0]
                let draft = TransactionDraft(operations: [
                    .storeBlob(oid, serial: .zero, data: .blobRecord, blob: UncommittedBlob(path: path))
                ])
                let tid = try await first.finish(try await first.prepare(draft))
                let copy = try PositionalFile(try await second.blob(of: oid, at: tid), .read)
                #expect(try copy.size() == size)
                for megabyte in 0..<megabytes {
                    #expect(try copy.read(at: megabyte << 20 + megabyte, count: 4) == marker)
                }
                if megabytes >= 2000 { #expect(try Self.peakMemory() - before < 200 << 20) }
                try await first.close()
                try await second.close()
            }
        }
    }

    @Test func withoutADirectoryThereAreNoBlobs() async throws {
        try await withTemporaryDirectory { folder in
            try await ServerKind.ours.withServer(in: folder) { address in
                let storage = try await ClientStorage.open(addresses: [address])
                #expect(storage.traits.blobDirectory == nil)
                #expect(!storage.traits.interfaces.contains("IBlobStorage"))
                let error = await #expect(throws: StorageError.self) { _ = try await storage.blob(of: .root, at: .max) }
                #expect(error?.code == .unsupported)
                try await storage.close()
            }
            let error = await #expect(throws: StorageError.self) {
                _ = try await Self.open(ServiceAddress(host: "127.0.0.1", port: 1), folder + "/blobs")
            }
            #expect(error?.code == .unsupportedFormat)
        }
    }
}
