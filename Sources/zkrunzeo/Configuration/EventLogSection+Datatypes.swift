//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging
import ZConfig

extension LogRotation {
    /// What `old-files`, `max-size`, `when` and `interval` of a section say; `nil` where nothing rotates.
    init?(_ section: ConfigurationSection) throws(ConfigurationError) {
        let oldFiles = try section.optional("old-files", as: .integer.atLeast(0)) ?? 0
        let maxSize = try section.optional("max-size", as: .byteSize.atLeast(0)) ?? 0
        let when = try section.optional("when", as: .rotationInterval) ?? nil
        let interval = try section.optional("interval", as: .integer.atLeast(0)) ?? 0
        if oldFiles == 0, maxSize == 0, when == nil, interval == 0 { return nil }
        guard oldFiles > 0 else {
            throw ConfigurationError(
                at: section.position,
                "\(section.header) rotates, and needs 'old-files': how many old files are kept"
            )
        }
        if let when {
            guard maxSize == 0 else {
                throw ConfigurationError(
                    at: section.position(of: "max-size"),
                    "'when' and 'max-size' exclude each other; remove one of them"
                )
            }
            self.init(rule: .time(when, count: max(interval, 1)), oldFiles: oldFiles)
        } else {
            guard maxSize > 0 else {
                throw ConfigurationError(
                    at: section.position(of: interval > 0 ? "interval" : "old-files"),
                    "\(section.header) is to rotate, and does not say when; write 'max-size' or 'when'"
                )
            }
            self.init(rule: .size(maxSize), oldFiles: oldFiles)
        }
    }
}

extension Datatype where Value == LogRotation.Interval? {
    /// When a file rotates; empty for never.
    static var rotationInterval: Datatype<Value> {
        Datatype("S, M, H, D, MIDNIGHT or W0 (Monday) to W6") { text throws(Fault) in
            if text.isEmpty { return nil }
            guard let interval = LogRotation.Interval(text) else { throw Fault() }
            return interval
        }
    }
}

extension Datatype where Value == LogFormat.Style {
    /// How a format marks its fields.
    static var logStyle: Datatype<Value> { .oneOf }
}

extension Datatype where Value == Int {
    /// The number of one of syslog's facilities, by its name.
    static var syslogFacility: Datatype<Int> {
        Datatype("one of syslog's facilities: " + SyslogSink.facilities.keys.sorted().joined(separator: ", ")) {
            text throws(Fault) in
            guard let number = SyslogSink.facilities[text.lowercased()] else { throw Fault() }
            return number
        }
    }
}

extension Datatype where Value == String.Encoding {
    /// An encoding by the names that Python has for it.
    static var textEncoding: Datatype<String.Encoding> {
        Datatype("utf-8, ascii, latin-1 or cp1252") { text throws(Fault) in
            switch text.lowercased().replacing("_", with: "-") {
            case "utf-8", "utf8", "u8", "cp65001": return .utf8
            case "ascii", "us-ascii", "646": return .ascii
            case "latin-1", "latin1", "iso-8859-1", "iso8859-1", "l1", "8859": return .isoLatin1
            case "cp1252", "windows-1252": return .windowsCP1252
            default: throw Fault()
            }
        }
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
            // Nothing is logged at blather's own level, 15.
            case "info", "blather": return .info
            case "debug": return .debug
            case "trace", "all", "notset": return .trace
            default: break
            }
            guard let number = Int(text), (0...50).contains(number) else { throw Fault() }
            switch number {
            case 41...: return .critical
            case 31...: return .error
            case 21...: return .warning
            case 11...: return .info
            case 6...: return .debug
            default: return .trace
            }
        }
    }
}
