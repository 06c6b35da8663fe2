//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging
import ZConfig

/// `<eventlog>`: what to log, and where to. Keys, sections and defaults are ZConfig's.
struct EventLogSection {
    /// A destination that is known to be right, and not open yet.
    struct Handler {
        enum Destination: Equatable {
            case standardOutput, standardError
            case file(FileSink.Options)
            case syslog(SyslogSink.Address, facility: Int)
        }

        var destination: Destination
        var level: Logger.Level
        var format: LogFormat
    }

    var level: Logger.Level
    var handlers: [Handler] = []

    /// Destinations that ZConfig knows and this server does not.
    private static let refused = [
        "win32-eventlog": "is for Windows alone; use <logfile> or <syslog>",
        "http-logger": "would send each line over HTTP; use <logfile> or <syslog>, and let a log shipper send it on",
        "email-notifier": "would send mail; use <syslog>, and let the system's log watcher send mail",
    ]

    private static let formatKeys = ["level", "format", "dateformat", "style", "formatter", "arbitrary-fields"]
    private static let fileKeys = ["path", "old-files", "max-size", "when", "interval", "encoding", "delay"]

    /// Reads the section.
    init(_ section: ConfigurationSection) throws(ConfigurationError) {
        try section.rejectUnknown(keys: ["level"], sections: ["logfile", "syslog"] + Self.refused.keys)
        self.level = try section.optional("level", as: .logLevel) ?? .info
        for handler in section.sections {
            if let reason = Self.refused[handler.type] {
                throw ConfigurationError(at: handler.position, "<\(handler.type)> \(reason)")
            }
            self.handlers.append(handler.type == "syslog" ? try Self.syslog(handler) : try Self.file(handler))
        }
    }

    /// Opens the destinations. Without any, lines go to standard error.
    func open() throws(StopReason) -> EventLog {
        if self.handlers.isEmpty { return EventLog(level: self.level) }
        var opened: [EventLog.Handler] = []
        for handler in self.handlers {
            let sink: any LogSink =
                switch handler.destination {
                case .standardError: StreamSink(descriptor: STDERR_FILENO)
                case .standardOutput: StreamSink(descriptor: STDOUT_FILENO)
                case .file(let options): try FileSink(options)
                case .syslog(let address, let facility): SyslogSink(address, facility: facility)
                }
            opened.append(EventLog.Handler(sink: sink, level: handler.level, format: handler.format))
        }
        return EventLog(level: self.level, handlers: opened)
    }

    // MARK: Handlers

    private static func file(_ section: ConfigurationSection) throws(ConfigurationError) -> Handler {
        try section.rejectUnknown(keys: Self.formatKeys + Self.fileKeys)
        let path = try section.value("path", as: .nonEmptyString)
        let rotation = try LogRotation(section)
        let encoding = try section.optional("encoding", as: .textEncoding)
        let delay = try section.optional("delay", as: .boolean) ?? false
        let stream: Handler.Destination? =
            switch path {
            case "STDOUT": .standardOutput
            case "STDERR": .standardError
            default: nil
            }
        if stream != nil, rotation != nil || encoding != nil || delay {
            let key = ["max-size", "when", "old-files", "encoding", "delay"].first {
                section.position(of: $0) != section.position
            }
            throw ConfigurationError(
                at: section.position(of: key ?? "path"),
                "\(path) is no file: it cannot rotate, or be opened later, or have another encoding; remove '\(key ?? "")'"
            )
        }
        let options = FileSink.Options(path: path, encoding: encoding ?? .utf8, delay: delay, rotation: rotation)
        return Handler(
            destination: stream ?? .file(options),
            level: try section.optional("level", as: .logLevel) ?? .trace,
            format: try Self.format(section, LogFormat.standard)
        )
    }

    private static func syslog(_ section: ConfigurationSection) throws(ConfigurationError) -> Handler {
        try section.rejectUnknown(keys: Self.formatKeys + ["facility", "address"])
        let address: SyslogSink.Address =
            switch try section.optional("address", as: .socketAddress) {
            case .internet(let host, let port)?: .udp(host: host.isEmpty ? "localhost" : host, port: port ?? 514)
            case .unix(let path)?: .unix(path: path)
            case nil: .udp(host: "localhost", port: 514)
            }
        return Handler(
            destination: .syslog(address, facility: try section.optional("facility", as: .syslogFacility) ?? 1),
            level: try section.optional("level", as: .logLevel) ?? .trace,
            format: try Self.format(section, "%(name)s %(message)s")
        )
    }

    private static func format(
        _ section: ConfigurationSection,
        _ standard: String
    ) throws(ConfigurationError) -> LogFormat {
        let formatter = try section.optional("formatter", as: .dottedName) ?? "logging.Formatter"
        guard ["logging.Formatter", "zope.exceptions.log.Formatter"].contains(formatter) else {
            throw ConfigurationError(
                at: section.position(of: "formatter"),
                "the Python class '\(formatter)' cannot run here; say how lines look with 'format' and 'style'"
            )
        }
        let style = try section.optional("style", as: .logStyle) ?? .classic
        let text = try section.optional("format", as: .string) ?? standard
        do {
            return try LogFormat(
                Self.escapesReplaced(text),
                style: style,
                dateFormat: try section.optional("dateformat", as: .string) ?? LogFormat.standardDate,
                anyField: try section.optional("arbitrary-fields", as: .boolean) ?? false
            )
        } catch let error as LogFormat.Fault {
            throw ConfigurationError(at: section.position(of: "format"), "'format': \(error.message)")
        } catch let error as ConfigurationError {
            throw error
        } catch {
            throw ConfigurationError(at: section.position(of: "format"), "'format': \(error)")
        }
    }

    private static func escapesReplaced(_ text: String) -> String {
        [("\\n", "\n"), ("\\t", "\t"), ("\\b", "\u{8}"), ("\\f", "\u{c}"), ("\\r", "\r")]
            .reduce(text) { $0.replacing($1.0, with: $1.1) }
    }
}
