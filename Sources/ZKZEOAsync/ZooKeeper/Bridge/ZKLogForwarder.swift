//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Logging

/// Hands libzookeeper's log lines to a logger: errors and warnings at debug, the rest at trace. What matters of them
/// reaches callers as errors and session events anyway.
struct ZKLogForwarder {
    let logger: Logger

    /// How much the library needs to say for this logger to have something to log.
    static func level(for logger: Logger) -> ZKLogLine.Level {
        switch logger.logLevel {
        case .trace: .debug
        case .debug: .warning
        default: .silent
        }
    }

    func log(_ line: ZKLogLine) {
        self.logger.log(
            level: line.level <= .warning ? .debug : .trace,
            "libzookeeper says",
            metadata: ["zk.function": "\(line.function)", "zk.text": "\(line.text)"]
        )
    }
}
