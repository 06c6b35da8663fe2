//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import Testing
import ZODBFormat

@testable import ZKZEOAsync
@testable import ZODBStorage

@Suite(.timeLimit(.minutes(1))) struct BlobCacheTests {
    /// Puts a file of so many bytes into a cache, last used at a second of 1970.
    private func add(_ size: Int, _ number: UInt64, used second: Int, to cache: BlobCacheDirectory) throws -> String {
        let file = cache.file(of: ObjectID(rawValue: number), at: TransactionID(rawValue: number))
        try FileSystem.makeFolders(FileSystem.folder(of: file))
        try Data(count: size).write(to: URL(fileURLWithPath: file))
        utimes(file, [timeval(tv_sec: second, tv_usec: 0), timeval(tv_sec: 1000, tv_usec: 0)])
        return file
    }

    @Test func filesAreWherePythonLooksForThem() async throws {
        try await withTemporaryDirectory { folder in
            let cache = try BlobCacheDirectory(folder + "/cache")
            let file = cache.file(of: ObjectID(rawValue: 997 * 12 + 5), at: TransactionID(rawValue: 0x3a))
            #expect(file == folder + "/cache/5/12.000000000000003a.blob")
            #expect(try String(contentsOfFile: folder + "/cache/.layout", encoding: .utf8) == "zeocache")
            _ = try BlobCacheDirectory(folder + "/cache")
            _ = try BlobDirectory(folder + "/blobs", isWritable: true)
            let error = #expect(throws: StorageError.self) { _ = try BlobCacheDirectory(folder + "/blobs") }
            #expect(error?.code == .unsupportedFormat)
        }
    }

    @Test func whatWasNotUsedForLongestIsRemovedFirst() async throws {
        try await withTemporaryDirectory { folder in
            let cache = try BlobCacheDirectory(folder + "/cache")
            let files = try (1...5).map { try self.add(100, UInt64($0), used: 100 - $0, to: cache) }
            #expect(try cache.use(ObjectID(rawValue: 5), at: TransactionID(rawValue: 5)) { $0 } == files[4])
            try BlobCacheCleaner(cache: cache, target: 250, now: 0).clean()
            // 4 and 3 are the oldest of those that were not used just now, then 2.
            #expect(files.map { FileManager.default.fileExists(atPath: $0) } == [true, false, false, false, true])
            #expect(try cache.use(ObjectID(rawValue: 4), at: TransactionID(rawValue: 4)) { $0 } == nil)
            // A use does not look like a change.
            let date = try FileManager.default.attributesOfItem(atPath: files[4])[.modificationDate] as? Date
            #expect(date?.timeIntervalSince1970 == 1000)
        }
    }

    @Test func aFolderThatSomebodyUsesIsSpared() async throws {
        try await withTemporaryDirectory { folder in
            let cache = try BlobCacheDirectory(folder + "/cache")
            let files = try (1...3).map { try self.add(100, UInt64($0), used: $0, to: cache) }
            let lock = try #require(try FileLock(ifFreeAt: cache.lock(ofFolder: "1")))
            try BlobCacheCleaner(cache: cache, target: 100, now: 0).clean()
            #expect(files.map { FileManager.default.fileExists(atPath: $0) } == [true, false, false])
            lock.release()
        }
    }

    @Test func oneAtATimeCleansAndIsToldOfOthersThatWantedTo() async throws {
        try await withTemporaryDirectory { folder in
            let cache = try BlobCacheDirectory(folder + "/cache")
            let file = try self.add(100, 1, used: 1, to: cache)
            let cleaner = BlobCacheCleaner(cache: cache, target: 0, now: 0)
            let lock = try #require(try FileLock(ifFreeAt: cache.path + "/check_size.lock"))
            try cleaner.clean()
            #expect(FileManager.default.fileExists(atPath: file))
            #expect(FileManager.default.fileExists(atPath: cache.path + "/check_size.attempt"))
            lock.release()
            try cleaner.clean()
            #expect(!FileManager.default.fileExists(atPath: file))
            #expect(!FileManager.default.fileExists(atPath: cache.path + "/check_size.attempt"))
        }
    }

    @Test func newFilesOfKilledProcessesAreRemovedOneDay() async throws {
        try await withTemporaryDirectory { folder in
            let cache = try BlobCacheDirectory(folder + "/cache")
            let writer = BlobFileWriter(in: cache.stagingPath)
            try writer.start()
            try Data().write(to: URL(fileURLWithPath: cache.stagingPath + "/somebody else's"))
            try BlobCacheCleaner(cache: cache, target: 0, now: FileSystem.now + 80_000 * 1_000_000_000).clean()
            #expect(try names(in: cache.stagingPath).count == 2)
            try BlobCacheCleaner(cache: cache, target: 0, now: FileSystem.now + 90_000 * 1_000_000_000).clean()
            #expect(try names(in: cache.stagingPath) == ["somebody else's"])
        }
    }

    @Test func aCacheStaysSmallWhileItIsUsed() async throws {
        try await withTemporaryDirectory { folder in
            try await ServerKind.ours.withServer(in: folder) { address in
                let storage = try await ClientBlobTests.open(address, folder + "/cache") {
                    $0.blobCacheSize = 10_000
                    $0.blobCacheSizeCheck = 20
                }
                let cache = try BlobCacheDirectory(folder + "/cache")
                let text = String(repeating: "x", count: 1000)
                let oids = try await storage.newObjectIDs(30)
                var tids: [TransactionID] = []
                for oid in oids { tids.append(try await storage.commitBlob(oid, .zero, text)) }
                try await eventually("the cache is cleaned") {
                    try cache.files().reduce(0) { $0 + $1.size } <= 11_000
                }
                // What was removed comes back.
                #expect(try await storage.blobText(oids[0], tids[0]) == text)
                try await storage.close()
            }
        }
    }
}
