//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Synchronization
import ZODBStorage

/// Lets one task at a time, of this process or another, bring files into a folder of a cache of blobs.
///
/// Tasks of this process queue, first come, first served; the first of them contends with other processes for the lock
/// file, which Python's clients lock, too. Guarded by `queues`.
final class BlobFolderLocks: Sendable {
    /// How often a lock that another process has is tried.
    private static let pause = Duration.milliseconds(10)

    private let cache: BlobCacheDirectory
    /// One for each folder that was ever locked; there are not many folders.
    private let queues = Mutex<[String: Turnstile]>([:])

    init(_ cache: BlobCacheDirectory) {
        self.cache = cache
    }

    /// Runs `body` while it holds the lock of a folder.
    func withLock<Result: Sendable>(
        ofFolder name: String,
        _ body: () async throws -> Result
    ) async throws -> Result {
        let queue = self.queues.withLock { queues in
            if let queue = queues[name] { return queue }
            let queue = Turnstile()
            queues[name] = queue
            return queue
        }
        try await queue.enter()
        defer { queue.leave() }
        try await onFileThread { try FileSystem.makeFolders("\(self.cache.path)/\(name)") }
        let path = self.cache.lock(ofFolder: name)
        while true {
            if let lock = try await onFileThread({ try FileLock(ifFreeAt: path) }) {
                defer { lock.release() }
                return try await body()
            }
            try await Task.sleep(for: Self.pause)
        }
    }

    /// Runs `body`, which blocks, while it holds the lock of a folder; `nil` when somebody else has it.
    func tryLock<Result>(ofFolder name: String, _ body: () throws -> Result) throws -> Result? {
        try FileSystem.makeFolders("\(self.cache.path)/\(name)")
        guard let lock = try FileLock(ifFreeAt: self.cache.lock(ofFolder: name)) else { return nil }
        defer { lock.release() }
        return try body()
    }
}
