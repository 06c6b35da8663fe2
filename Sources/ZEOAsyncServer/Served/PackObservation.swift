//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Synchronization
import ZODBStorage

/// How far the pack of a storage is, as far as this server started it, for those who ask how the server is.
final class PackObservation: Sendable {
    private let state = Mutex<PackProgress?>(nil)

    /// The storage has said how far it is.
    func advanced(to progress: PackProgress) {
        self.state.withLock { $0 = progress }
    }

    /// The pack is over.
    func ended() {
        self.state.withLock { $0 = nil }
    }

    /// How far it is, in words: `copying 4096/65536`; `nil` when nothing is packed.
    var description: String? {
        self.state.withLock { progress in
            progress.map { "\($0.phase.rawValue) \($0.completed)/\($0.total)" }
        }
    }
}
