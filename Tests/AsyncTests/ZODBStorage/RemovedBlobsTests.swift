//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import Testing
import ZODBFormat

@testable import ZODBStorage

/// Blobs whose records a pack leaves out.
@Suite(.timeLimit(.minutes(1))) struct RemovedBlobsTests {
    private let blob = ObjectID.numbered(1)
    private let garbage = ObjectID.numbered(2)

    private var blobRecord: ByteBuffer {
        ObjectRecord(classDescription: .global(PickleGlobal("ZODB.blob", "Blob")), state: .none).bytes
    }

    /// Commits records, and files for those of blobs as a storage with a blob directory has them.
    private func commit(_ storage: FileStorage, _ records: [ObjectID: ByteBuffer], _ blobs: BlobDirectory) async throws
        -> TransactionID
    {
        let tid = try await storage.commit(records)
        for (oid, data) in records where data == self.blobRecord {
            try FileManager.default.createDirectory(atPath: blobs.folder(of: oid), withIntermediateDirectories: true)
            try Data("blob of \(tid)".utf8).write(to: URL(fileURLWithPath: blobs.file(of: oid, at: tid)))
        }
        return tid
    }

    private func withStorage(
        keepsOld: Bool,
        _ body: (FileStorage, BlobDirectory) async throws -> Void
    ) async throws {
        try await withTemporaryDirectory { folder in
            var configuration = FileStorageConfiguration(path: folder + "/Data.fs", packKeepOld: keepsOld)
            configuration.blobDirectory = folder + "/blobs"
            let storage = try FileStorage(configuration)
            try await body(storage, try #require(storage.blobs))
            try await storage.close()
        }
    }

    @Test(arguments: [true, false]) func theirFilesGoWithThem(keepsOld: Bool) async throws {
        try await self.withStorage(keepsOld: keepsOld) { storage, blobs in
            var tids: [TransactionID] = []
            try await storage.commit([.root: record("root", [blob])])
            for _ in 0..<3 {
                tids.append(try await self.commit(storage, [blob: blobRecord, garbage: blobRecord], blobs))
            }
            try await storage.pack(PackRequest(before: tids[2]))
            #expect(!blobs.contains(blob, at: tids[0]))
            #expect(blobs.contains(blob, at: tids[1]))
            #expect(blobs.contains(blob, at: tids[2]))
            #expect(!blobs.contains(garbage, at: tids[0]))
            #expect(!blobs.contains(garbage, at: tids[1]), "it was garbage already")
            #expect(blobs.contains(garbage, at: tids[2]))
            try await storage.packAll()
            #expect(!blobs.contains(blob, at: tids[1]))
            #expect(blobs.contains(blob, at: tids[2]))
            #expect(!blobs.contains(garbage, at: tids[2]))
            #expect(!FileManager.default.fileExists(atPath: blobs.folder(of: garbage)))
            #expect(!FileManager.default.fileExists(atPath: blobs.path + "/.removed"))
            #expect(FileManager.default.fileExists(atPath: blobs.path + ".old") == keepsOld)
            if keepsOld {
                let old = try BlobDirectory(blobs.path + ".old", isWritable: false)
                #expect(old.contains(blob, at: tids[1]))
                #expect(old.contains(garbage, at: tids[2]))
                #expect(!old.contains(blob, at: tids[0]))
            }
        }
    }

    @Test(arguments: [true, false])
    func blobThatCouldNotBeRemovedIsRemovedByALaterPack(packRemovesOthers: Bool) async throws {
        try await self.withStorage(keepsOld: false) { storage, blobs in
            let tid = try await self.commit(storage, [.root: record("root", [blob]), blob: blobRecord], blobs)
            let list = RemovedBlobs(blobs)
            try list.begin()
            try list.add(garbage, tid)
            try list.synchronize()
            // A folder with something in it cannot be removed as a file can.
            let path = blobs.file(of: garbage, at: tid)
            try FileManager.default.createDirectory(atPath: path + "/stuck", withIntermediateDirectories: true)
            if packRemovesOthers { _ = try await self.commit(storage, [blob: blobRecord], blobs) }
            try await storage.packAll()
            try await storage.packAll()
            #expect(blobs.contains(blob, at: tid) == !packRemovesOthers, "one does not keep the others")
            #expect(blobs.contains(garbage, at: tid))
            try FileManager.default.removeItem(atPath: path)
            try Data().write(to: URL(fileURLWithPath: path))
            try await storage.packAll()
            #expect(!blobs.contains(garbage, at: tid))
            #expect(!FileManager.default.fileExists(atPath: blobs.path + "/.removed"))
        }
    }

    @Test func listOfPythonIsReadAndWhatIsNotVisibleYetStays() async throws {
        try await self.withStorage(keepsOld: false) { storage, blobs in
            let tid = try await self.commit(storage, [.root: record("root", [blob]), blob: blobRecord], blobs)
            let tids = [TransactionID(rawValue: 1), TransactionID(rawValue: 2), tid.successor]
            for oid in [garbage, blob] {
                try FileManager.default.createDirectory(
                    atPath: blobs.folder(of: oid),
                    withIntermediateDirectories: true
                )
                for tid in tids { try Data().write(to: URL(fileURLWithPath: blobs.file(of: oid, at: tid))) }
            }
            // An object that is gone, a revision, and a line that was cut short.
            let list = "\(garbage.hex)\n\(blob.hex)\(tids[0].hex)\n\(blob.hex)\(tids[1].hex.prefix(5))"
            try list.write(toFile: blobs.path + "/.removed", atomically: true, encoding: .utf8)
            try await storage.packAll()
            #expect(try blobs.transactions(of: garbage) == [tid.successor])
            #expect(try blobs.transactions(of: blob) == [tids[1], tid, tid.successor])
        }
    }

    @Test func whatACrashHasLeftIsRemovedByTheNextPackAndWhatIsNeededStays() async throws {
        try await self.withStorage(keepsOld: false) { storage, blobs in
            let tid = try await self.commit(storage, [.root: record("root", [blob]), blob: blobRecord], blobs)
            // The list of a pack that died before its file got the name, and of one that died behind that.
            let list = RemovedBlobs(blobs)
            try list.begin()
            try list.add(blob, tid)
            try list.add(garbage, tid)
            try list.synchronize()
            try FileManager.default.createDirectory(
                atPath: blobs.folder(of: garbage),
                withIntermediateDirectories: true
            )
            try Data().write(to: URL(fileURLWithPath: blobs.file(of: garbage, at: tid)))
            try await storage.packAll()
            #expect(blobs.contains(blob, at: tid))
            #expect(!blobs.contains(garbage, at: tid))
        }
    }
}
