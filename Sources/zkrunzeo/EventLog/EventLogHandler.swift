//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging

/// What loggers write to: makes a record of an event and hands it to the log.
struct EventLogHandler: LogHandler {
    var metadataProvider: Logger.MetadataProvider?
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level

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
        var message = "\(event.message)"
        var metadata = self.metadata
        if let provided = self.metadataProvider?.get() { metadata.merge(provided) { $1 } }
        if let own = event.metadata { metadata.merge(own) { $1 } }
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
            message += " \(key)=\(Self.quoted("\(value)"))"
        }
        if let error = event.error { message += " error=\(Self.quoted("\(error)"))" }
        self.log.write(
            LogRecord(
                level: event.level,
                name: self.label,
                // Nobody writes lines into the log that we did not say.
                message: message.replacing("\r", with: "\\r").replacing("\n", with: "\\n"),
                created: Date().timeIntervalSince1970,
                file: event.file,
                function: event.function,
                line: Int(event.line),
                metadata: metadata.mapValues { "\($0)" }
            )
        )
    }

    private static func quoted(_ value: String) -> String {
        value.isEmpty || value.contains(where: { $0 == " " || $0 == "=" }) ? "\"\(value)\"" : value
    }
}
