//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ZODBStorage

/// Removes files from a cache of blobs until they take no more than they may, those first that were not used for longest.
///
/// One process at a time cleans a cache, ours or Python's: `check_size.lock` says which. Another one that finds it locked
/// leaves the file `check_size.attempt`, so that the first one looks once more before it ends.
struct BlobCacheCleaner {
    let cache: BlobCacheDirectory
    /// How many bytes may stay.
    let target: Int
    /// Now, in nanoseconds since 1970.
    let now: Int

    private var attemptPath: String { self.cache.path + "/check_size.attempt" }

    /// Cleans the cache. Blocks.
    func clean() throws {
        guard let lock = try FileLock(ifFreeAt: self.cache.path + "/check_size.lock") else {
            _ = try PositionalFile(self.attemptPath, .readWriteOrCreate)
            return
        }
        defer { lock.release() }
        try self.cache.removeAbandonedFiles(now: self.now)
        repeat {
            try FileSystem.remove(self.attemptPath)
            try self.cleanOnce()
        } while FileSystem.exists(self.attemptPath)
    }

    private func cleanOnce() throws {
        var files = try self.cache.files()
        var size = files.reduce(0) { $0 + $1.size }
        guard size > self.target else { return }
        files.sort { ($0.accessed, $0.path) < ($1.accessed, $1.path) }
        for file in files where size > self.target {
            // Somebody is using the folder, who would wonder.
            guard let lock = try FileLock(ifFreeAt: self.cache.lock(ofFolder: file.folder)) else { continue }
            defer { lock.release() }
            try FileSystem.remove(file.path)
            size -= file.size
        }
    }
}
