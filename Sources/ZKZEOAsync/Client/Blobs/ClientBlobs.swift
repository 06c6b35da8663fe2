//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Synchronization
import ZODBFormat
import ZODBStorage

/// Where a client has the files of blobs: in a cache of its machine, or in the server's own directory.
///
/// Guarded by `place`, which is known once the folder has been opened.
final class ClientBlobs: Sendable {
    enum Place: Sendable {
        case cache(BlobCacheDirectory, BlobFolderLocks)
        /// The server's directory.
        case shared(BlobDirectory)
    }

    /// The folder, from the root of the file system.
    let path: String
    private let isShared: Bool
    private let isReadOnly: Bool
    private let limit: Int?
    /// How many bytes may be added before the size is looked at.
    private let margin: Int
    private let place = Mutex<Place?>(nil)
    private let bytesAdded = Atomic(0)
    private let cleanings: AsyncStream<Void>
    private let cleaningIsDue: AsyncStream<Void>.Continuation

    /// `nil` where the options name no folder.
    init?(_ options: ClientOptions) {
        guard let path = options.blobDirectory else { return nil }
        self.path = FileSystem.absolute(path)
        self.isShared = options.sharedBlobDirectory
        self.isReadOnly = options.readOnly
        self.limit = options.sharedBlobDirectory ? nil : options.blobCacheSize
        self.margin = (self.limit ?? 0) / 100 * options.blobCacheSizeCheck
        (self.cleanings, self.cleaningIsDue) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Where files are that no transaction has committed.
    var stagingPath: String { self.path + "/tmp" }

    /// Opens the folder.
    func open() async throws {
        let place = try await onFileThread { () -> Place in
            if self.isShared { return .shared(try BlobDirectory(shared: self.path, isWritable: !self.isReadOnly)) }
            let cache = try BlobCacheDirectory(self.path)
            return .cache(cache, BlobFolderLocks(cache))
        }
        self.place.withLock { $0 = place }
        self.cleaningIsDue.yield()
    }

    /// The folder as it was opened. Throws `StorageError.closed` before that.
    func opened() throws -> Place {
        guard let place = self.place.withLock({ $0 }) else {
            throw StorageError(.closed, "the client does not run yet")
        }
        return place
    }

    /// The folder of an object's files.
    func folder(of oid: ObjectID) -> String? {
        switch self.place.withLock({ $0 }) {
        case .cache(let cache, _): cache.folder(of: oid)
        case .shared(let directory): directory.folder(of: oid)
        case nil: nil
        }
    }

    // MARK: The size

    /// So many bytes are in the cache that were not there before.
    func added(_ count: Int) {
        guard self.limit != nil else { return }
        let (_, sum) = self.bytesAdded.add(count, ordering: .relaxed)
        guard sum > self.margin else { return }
        self.bytesAdded.store(0, ordering: .relaxed)
        self.cleaningIsDue.yield()
    }

    /// Keeps the cache small until the task is cancelled.
    ///
    /// - Parameter failed: Is told why the cache could not be cleaned.
    func run(failed: (any Error) -> Void) async {
        for await _ in self.cleanings {
            guard let limit = self.limit, case .cache(let cache, _)? = self.place.withLock({ $0 }) else { continue }
            let target = max(limit - self.margin, 0)
            do {
                try await onFileThread {
                    try BlobCacheCleaner(cache: cache, target: target, now: FileSystem.now).clean()
                }
            } catch {
                failed(error)
            }
        }
    }
}
