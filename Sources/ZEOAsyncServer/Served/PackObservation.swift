//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Metrics
import Synchronization
import ZODBStorage

/// How far the pack of a storage is, as far as this server started it, for those who ask how the server is.
final class PackObservation: Sendable {
    private let state = Mutex<PackProgress?>(nil)
    private let metrics: ZEOStorageMetrics?

    init(_ metrics: ZEOStorageMetrics? = nil) {
        self.metrics = metrics
    }

    /// The storage has said how far it is.
    func advanced(to progress: PackProgress) {
        self.state.withLock { $0 = progress }
        self.metrics?.packRunning.set(1)
        self.metrics?.packProgress.set(progress.total > 0 ? Double(progress.completed) / Double(progress.total) : 0)
    }

    /// The pack has done what it was to do.
    func completed() {
        self.metrics?.packs.increment()
        self.ended()
    }

    /// The pack is over.
    func ended() {
        self.state.withLock { $0 = nil }
        self.metrics?.packRunning.set(0)
        self.metrics?.packProgress.set(0)
    }

    /// How far it is, in words: `copying 4096/65536`; `nil` when nothing is packed.
    var description: String? {
        self.state.withLock { progress in
            progress.map { "\($0.phase.rawValue) \($0.completed)/\($0.total)" }
        }
    }
}
