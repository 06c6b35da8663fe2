//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging
import ZConfig

/// `<eventlog>`: where log lines go.
struct EventLogSection {
    /// What to open, when the configuration is known to be right.
    struct File {
        var path: String
        var level: Logger.Level
    }

    var level: Logger.Level
    var files: [File] = []
    /// Things that were understood but are not done.
    var warnings: [String] = []

    /// Keys of `<logfile>` that this version does not follow.
    private static let unfollowed = [
        "format", "dateformat", "style", "formatter", "arbitrary-fields", "encoding", "delay", "old-files", "max-size",
        "when", "interval",
    ]

    /// Reads the section.
    init(_ section: ConfigurationSection) throws(ConfigurationError) {
        try section.rejectUnknown(keys: ["level"], sections: ["logfile"])
        self.level = try section.optional("level", as: .logLevel) ?? .info
        for logfile in section.sections {
            try logfile.rejectUnknown(keys: ["path", "level"] + Self.unfollowed)
            self.files.append(
                File(
                    path: try logfile.value("path", as: .nonEmptyString),
                    level: try logfile.optional("level", as: .logLevel) ?? .trace
                )
            )
            for key in logfile.keys where Self.unfollowed.contains(key.name.lowercased()) {
                self.warnings.append("\(key.position): this version does not follow '\(key.name)' in <logfile>")
            }
        }
    }

    /// Opens the files.
    func open() throws(StopReason) -> EventLog {
        var sinks: [EventLog.Sink] = []
        for file in self.files {
            let descriptor =
                switch file.path {
                case "STDERR": STDERR_FILENO
                case "STDOUT": STDOUT_FILENO
                default: try EventLog.openFile(file.path)
                }
            sinks.append(EventLog.Sink(descriptor: descriptor, level: file.level))
        }
        return sinks.isEmpty ? EventLog(level: self.level) : EventLog(level: self.level, sinks: sinks)
    }
}

extension Datatype where Value == Logger.Level {
    /// The levels of Python's logging, by name or number, and those that ZConfig adds.
    static var logLevel: Datatype<Logger.Level> {
        Datatype("a level: critical, error, warn, info, blather, debug, trace, all, or a number from 0 to 50") {
            text throws(Fault) in
            switch text.lowercased() {
            case "critical", "fatal": return .critical
            case "error": return .error
            case "warn", "warning": return .warning
            case "info": return .info
            case "blather", "debug": return .debug
            case "trace", "all", "notset": return .trace
            default: break
            }
            guard let number = Int(text), (0...50).contains(number) else { throw Fault() }
            switch number {
            case 41...: return .critical
            case 31...: return .error
            case 21...: return .warning
            case 16...: return .info
            case 6...: return .debug
            default: return .trace
            }
        }
    }
}
