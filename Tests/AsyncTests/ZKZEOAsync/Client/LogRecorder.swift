//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Logging
import Synchronization

/// What a client has logged on `zc.zkzeo`.
final class LogRecorder: Sendable {
    private let recorded = Mutex<[(level: Logger.Level, text: String)]>([])

    /// A logger whose lines end up here.
    var logger: Logger {
        Logger(label: "zc.zkzeo") { _ in Handler(recorder: self) }
    }

    /// The lines about addresses so far, each behind its level as Python writes it.
    var addressLines: [String] {
        self.recorded.withLock { lines in
            lines.filter { $0.text.contains("ddresses from <") }.map { "\($0.level)".uppercased() + " " + $0.text }
        }
    }

    /// Every line so far.
    var lines: [(level: Logger.Level, text: String)] { self.recorded.withLock { $0 } }

    func clear() {
        self.recorded.withLock { $0 = [] }
    }

    private struct Handler: LogHandler {
        let recorder: LogRecorder
        var logLevel = Logger.Level.info
        var metadata: Logger.Metadata = [:]

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { self.metadata[key] }
            set { self.metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            self.recorder.recorded.withLock { $0.append((event.level, "\(event.message)")) }
        }
    }
}
