//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Metrics
import NIOCore
import ZODBStorage

/// The metrics of what a client has at hand, made once.
struct ClientCacheMetrics: Sendable {
    /// Loads that were answered from memory, from the disk, and by the server.
    let hits, diskHits, misses: Counter
    /// The bytes of the records that the server sent.
    let loadedBytes: Counter
    /// Blobs that were here, and blobs that the server sent.
    let blobHits, blobMisses: Counter
    /// The bytes of the blobs that the server sent.
    let blobBytes: Counter

    init(storage: String) {
        func counter(_ label: String) -> Counter { Counter(label: label, dimensions: [("storage", storage)]) }
        self.hits = counter("zeo_client_cache_hits_total")
        self.diskHits = counter("zeo_client_cache_disk_hits_total")
        self.misses = counter("zeo_client_cache_misses_total")
        self.loadedBytes = counter("zeo_client_loaded_bytes_total")
        self.blobHits = counter("zeo_client_blob_hits_total")
        self.blobMisses = counter("zeo_client_blob_misses_total")
        self.blobBytes = counter("zeo_client_blob_bytes_total")
    }

    /// The server was asked for a revision.
    func missed(_ revision: ObjectRevision?) {
        self.misses.increment()
        if let revision { self.loadedBytes.increment(by: revision.data.readableBytes) }
    }
}
