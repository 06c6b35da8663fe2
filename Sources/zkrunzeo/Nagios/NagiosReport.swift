//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import ZKZEOAsync

/// What a Nagios plug-in prints, and its exit status: 0 is fine, 1 a warning, 2 critical, 3 means that it cannot say.
struct NagiosReport: Equatable {
    var text: String
    var status: Int32

    static func critical(_ message: String) -> NagiosReport { NagiosReport(text: message, status: 2) }

    static func unknown(_ message: String) -> NagiosReport { NagiosReport(text: message, status: 3) }

    /// The numbers that are printed as they are.
    private static let levels = ["active_txns", "connections", "waiting"]
    /// The counters of which the growth is printed.
    private static let counters = ["aborts", "commits", "conflicts", "conflicts_resolved", "loads", "stores"]
    /// The last transaction of a storage that has none.
    private static let noTransaction = String(repeating: "0", count: 16)

    /// What was said when a server was asked the last time, and how many units of time ago that is.
    struct Previous {
        var storages: [String: ServerHealth.Numbers]
        var age: Double
    }

    /// Judges how a server is, in the form of ZEO's plug-in.
    init(_ health: ServerHealth, withMetrics: Bool, since previous: Previous?) throws {
        guard !health.storages.isEmpty else {
            self.init(text: "No storages", status: 1)
            return
        }
        var metrics: [String] = []
        if withMetrics {
            for (name, numbers) in health.sorted {
                for key in Self.levels { metrics.append(Self.metric(name, key, try Self.text(numbers, key))) }
            }
        }
        if withMetrics, let previous {
            for (name, numbers) in health.sorted {
                guard let old = previous.storages[name] else { continue }
                for key in Self.counters {
                    let rate = (try Self.number(numbers, key) - Self.number(old, key)) / previous.age
                    metrics.append(Self.metric(name, key, PythonText.number(rate)))
                }
            }
        }
        var messages = try health.sorted.compactMap { name, numbers in
            guard case .string(let last)? = numbers["last-transaction"] else { throw Self.missing("last-transaction") }
            return last == Self.noTransaction ? "Empty storage \(PythonText.repr(name))" : nil
        }
        let status: Int32 = messages.isEmpty ? 0 : 1
        if messages.isEmpty { messages = ["OK"] }
        // The first metric stands in the first line, all others behind the last message.
        if let first = metrics.first { messages[0] += "|" + first }
        if metrics.count > 1 { messages.append("| " + metrics.dropFirst().joined(separator: "\n ")) }
        self.init(text: messages.joined(separator: "\n"), status: status)
    }

    init(text: String, status: Int32) {
        self.text = text
        self.status = status
    }

    /// The storage named 1 is the one that goes without saying.
    private static func metric(_ storage: String, _ key: String, _ value: String) -> String {
        switch storage {
        case "1": "\(key)=\(value)"
        case _ where storage.contains(" "): "'\(storage):\(key)'=\(value)"
        default: "\(storage):\(key)=\(value)"
        }
    }

    private static func text(_ numbers: ServerHealth.Numbers, _ key: String) throws -> String {
        switch numbers[key] {
        case .integer(let number): String(number)
        case .double(let number): PythonText.number(number)
        default: throw Self.missing(key)
        }
    }

    private static func number(_ numbers: ServerHealth.Numbers, _ key: String) throws -> Double {
        switch numbers[key] {
        case .integer(let number): Double(number)
        case .double(let number): number
        default: throw Self.missing(key)
        }
    }

    private static func missing(_ key: String) -> PeerFailure {
        PeerFailure(description: "The answer says nothing of '\(key)'")
    }
}
