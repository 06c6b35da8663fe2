//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging

/// Writes each event as one line: time, level, logger, message, metadata.
struct LineLogHandler: LogHandler {
    var metadataProvider: Logger.MetadataProvider?
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level

    /// Local time with its offset from UTC.
    private static let timeStamp = Date.ISO8601FormatStyle(includingFractionalSeconds: true, timeZone: .current)

    private let label: String
    private let log: EventLog

    init(label: String, log: EventLog) {
        self.label = label
        self.log = log
        self.logLevel = log.level
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { self.metadata[key] }
        set { self.metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var line = "\(Date().formatted(Self.timeStamp)) \(Self.name(of: event.level)) \(self.label) \(event.message)"
        var metadata = self.metadata
        if let provided = self.metadataProvider?.get() { metadata.merge(provided) { $1 } }
        if let own = event.metadata { metadata.merge(own) { $1 } }
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
            line += " \(key)=\(Self.quoted("\(value)"))"
        }
        if let error = event.error { line += " error=\(Self.quoted("\(error)"))" }
        self.log.write(line.replacing("\n", with: "\\n"), level: event.level)
    }

    /// The level's name as Python writes it.
    private static func name(of level: Logger.Level) -> String {
        level == .notice ? "INFO" : level.rawValue.uppercased()
    }

    private static func quoted(_ value: String) -> String {
        value.isEmpty || value.contains(where: { $0 == " " || $0 == "=" }) ? "\"\(value)\"" : value
    }
}
