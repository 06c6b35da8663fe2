//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging

/// Where the log lines of the command go: standard error, or what `<eventlog>` names.
///
/// Lines are written whole, from whatever thread logs; `handlers` never changes after the start.
final class EventLog: Sendable {
    /// One destination, what is worth telling it, and how it is told.
    struct Handler: Sendable {
        var sink: any LogSink
        /// Nothing below this level is written.
        var level = Logger.Level.trace
        var format: LogFormat
    }

    private let handlers: [Handler]

    /// Whether `<eventlog>` says where lines go.
    let isConfigured: Bool

    /// The lowest level that any destination wants.
    let level: Logger.Level

    /// A log that tells `handlers` what is at least of `level`.
    init(level: Logger.Level = .info, handlers: [Handler]) {
        self.handlers = handlers
        self.isConfigured = true
        self.level = max(level, handlers.map(\.level).min() ?? level)
    }

    /// A log on standard error.
    init(level: Logger.Level = .info, format: LogFormat = EventLog.runzeoFormat) {
        self.handlers = [Handler(sink: StreamSink(descriptor: STDERR_FILENO), format: format)]
        self.isConfigured = false
        self.level = level
    }

    /// What runzeo writes when it is not told how: a line of hyphens before each line.
    static let runzeoFormat = EventLog.format(LogFormat.standard)

    /// A line and nothing more.
    static let plainFormat = EventLog.format("%(asctime)s %(levelname)s %(name)s %(message)s")

    private static func format(_ text: String) -> LogFormat {
        do {
            return try LogFormat(text)
        } catch {
            preconditionFailure("A format of our own is wrong: \(error.message)")
        }
    }

    /// A logger that writes here.
    func logger(_ label: String) -> Logger {
        Logger(label: label) { EventLogHandler(label: $0, log: self) }
    }

    /// A logger for what only matters when it goes wrong.
    func quietLogger(_ label: String) -> Logger {
        var logger = self.logger(label)
        logger.logLevel = max(logger.logLevel, .error)
        return logger
    }

    /// Writes a record to whoever wants it.
    func write(_ record: LogRecord) {
        for handler in self.handlers where record.level >= handler.level {
            handler.sink.write(handler.format.line(record), record)
        }
    }

    /// Opens files anew that somebody may have moved away; files that rotate, rotate.
    func reopen() {
        for handler in self.handlers { handler.sink.reopen() }
    }
}
