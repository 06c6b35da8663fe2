//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Synchronization

/// Closes connections that are more than a listener wants at a time.
final class ConnectionLimit: Sendable {
    private let open = Mutex(0)
    private let maximum: Int

    init(_ maximum: Int) {
        self.maximum = maximum
    }

    /// Counts a connection until it is closed. `false` when there are too many already.
    func admit(_ channel: any Channel) -> Bool {
        let isAdmitted = self.open.withLock { open in
            guard open < self.maximum else { return false }
            open += 1
            return true
        }
        guard isAdmitted else { return false }
        channel.closeFuture.whenComplete { _ in self.open.withLock { $0 -= 1 } }
        return true
    }
}
