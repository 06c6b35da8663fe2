//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// A line of libzookeeper's log: `TIME:PID(THREAD):ZOO_LEVEL@FUNCTION@LINE: TEXT`.
struct ZKLogLine: Hashable, Sendable {
    /// The library's levels, with its numbers; `silent` turns the log off.
    enum Level: Int32, Comparable, Sendable {
        case silent = 0, error, warning, info, debug

        static func < (left: Level, right: Level) -> Bool { left.rawValue < right.rawValue }
    }

    var level: Level
    /// The function of the library that speaks.
    var function: String
    var text: String

    private static let names: [(String, Level)] = [
        (":ZOO_ERROR@", .error), (":ZOO_WARN@", .warning), (":ZOO_INFO@", .info), (":ZOO_DEBUG@", .debug),
    ]

    init(_ line: String) {
        for (name, level) in Self.names {
            guard let found = line.firstRange(of: name) else { continue }
            let rest = line[found.upperBound...]
            let function = rest.prefix { $0 != "@" }
            guard let colon = rest[function.endIndex...].firstRange(of: ": ") else { break }
            self.level = level
            self.function = String(function)
            self.text = String(rest[colon.upperBound...])
            return
        }
        self.level = .info
        self.function = ""
        self.text = line
    }
}
