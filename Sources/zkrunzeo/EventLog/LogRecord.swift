//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging

/// What is known of one thing that was logged, under the names of Python's log records.
struct LogRecord {
    var level: Logger.Level
    /// The name of the logger.
    var name: String
    /// The message, with its metadata behind it; always one line.
    var message: String
    /// Seconds since 1970, UTC.
    var created: Double
    var file = ""
    var function = ""
    var line = 0
    /// What the message carries along, for formats that ask for other fields than Python's.
    var metadata: [String: String] = [:]

    /// A field's value.
    enum Value: Equatable {
        case text(String)
        case integer(Int)
        case real(Double)
    }

    /// The names of the fields that every record has.
    static let fields: Set<String> = [
        "name", "levelno", "levelname", "pathname", "filename", "module", "lineno", "created", "asctime", "msecs",
        "relativeCreated", "thread", "threadName", "taskName", "process", "processName", "funcName", "message",
    ]

    /// When this process began to log.
    static let start = Date().timeIntervalSince1970

    /// The value of a field, `asctime` excepted; `nil` where there is none of that name.
    func value(of field: String) -> Value? {
        switch field {
        case "name": .text(self.name)
        case "levelno": .integer(self.level.number)
        case "levelname": .text(self.level.pythonName)
        case "pathname": .text(self.file)
        case "filename": .text(Self.fileName(self.file))
        case "module": .text(Self.fileName(self.file).replacing(".swift", with: ""))
        case "lineno": .integer(self.line)
        case "created": .real(self.created)
        case "msecs": .real(((self.created - self.created.rounded(.down)) * 1000).rounded(.down))
        case "relativeCreated": .real((self.created - Self.start) * 1000)
        case "thread": .integer(Int(getpid()))
        case "threadName", "taskName": .text("MainThread")
        case "process": .integer(Int(getpid()))
        case "processName": .text("MainProcess")
        case "funcName": .text(String(self.function.prefix { $0 != "(" }))
        case "message": .text(self.message)
        default: self.metadata[field].map { .text($0) }
        }
    }

    private static func fileName(_ path: String) -> String {
        path.lastIndex(of: "/").map { String(path[$0...].dropFirst()) } ?? path
    }
}

extension Logger.Level {
    /// The number that the level has in Python.
    var number: Int {
        switch self {
        case .trace: 5
        case .debug: 10
        case .info, .notice: 20
        case .warning: 30
        case .error: 40
        case .critical: 50
        }
    }

    /// The level's name as Python writes it.
    var pythonName: String {
        self == .notice ? "INFO" : self.rawValue.uppercased()
    }
}
