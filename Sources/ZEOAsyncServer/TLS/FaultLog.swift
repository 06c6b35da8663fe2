//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import Synchronization

/// Tells operators of peers that do not speak as they should.
final class FaultLog: Sendable {
    private let logger: Logger
    private let start = ContinuousClock.now
    private let machine = Mutex(FaultLogStateMachine())

    init(logger: Logger) {
        self.logger = logger
    }

    /// A peer did something that ended its connection before it was a client.
    func tell(_ peer: SocketAddress?, _ what: String, _ fault: String) {
        let time = ContinuousClock.now - self.start
        let action = self.machine.withLock { machine in
            machine.happened(host: peer?.ipAddress ?? peer?.pathname ?? "", fault: fault, at: time)
        }
        guard case .tell(let untold) = action else { return }
        let name =
            switch peer {
            case .v4(_)?, .v6(_)?: "\(peer?.ipAddress ?? ""):\(peer?.port ?? 0)"
            default: "a client at the unix socket"
            }
        let more = untold == 0 ? "" : "; the same \(untold) times more since it was last told"
        self.logger.warning("\(what) with \(name): \(fault)\(more)")
    }
}
