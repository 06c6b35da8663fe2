//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging
import Synchronization

/// Where the log lines of the command go: standard error, or what `<eventlog>` names.
///
/// Lines are written whole, with one system call, from whatever thread logs; `sinks` never changes after the start.
final class EventLog: Sendable {
    /// One destination and what is worth telling it.
    struct Sink {
        /// The file that is written to.
        var descriptor: Int32
        /// Nothing below this level is written.
        var level: Logger.Level
    }

    private let sinks: [Sink]

    /// The lowest level that any destination wants.
    let level: Logger.Level

    /// A log that writes to `sinks` what is at least of `level`.
    init(level: Logger.Level = .info, sinks: [Sink] = [Sink(descriptor: STDERR_FILENO, level: .trace)]) {
        self.sinks = sinks
        self.level = max(level, sinks.map(\.level).min() ?? level)
    }

    /// Opens a file for appending.
    static func openFile(_ path: String) throws(StopReason) -> Int32 {
        let descriptor = unsafe open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw StopReason(.file, "cannot open the log file \(path): \(unsafe String(cString: strerror(errno)))")
        }
        return descriptor
    }

    /// A logger that writes here.
    func logger(_ label: String) -> Logger {
        Logger(label: label) { LineLogHandler(label: $0, log: self) }
    }

    /// A logger for what only matters when it goes wrong.
    func quietLogger(_ label: String) -> Logger {
        var logger = self.logger(label)
        logger.logLevel = max(logger.logLevel, .error)
        return logger
    }

    /// Writes one line.
    func write(_ line: String, level: Logger.Level) {
        var bytes = Array(line.utf8)
        bytes.append(UInt8(ascii: "\n"))
        for sink in self.sinks where level >= sink.level {
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = unsafe rest.withUnsafeBytes {
                    unsafe Foundation.write(sink.descriptor, $0.baseAddress, $0.count)
                }
                if count < 0 && errno == EINTR { continue }
                if count <= 0 { break }
                rest = rest.dropFirst(count)
            }
        }
    }
}
