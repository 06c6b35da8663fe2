//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import ZKZEOAsync

/// How servers are, as a table: a line for each storage of each server.
struct StatusTable {
    /// What a server said.
    struct Answer: Sendable {
        var address: String
        var health: Result<ServerHealth, PeerFailure>
    }

    /// What had been counted when the last table was made, by server and storage.
    struct Counters: Sendable {
        var date: Date
        var counts: [[String]: ServerHealth.Numbers]
    }

    let text: String
    /// For the next table, which then shows rates.
    let counters: Counters

    /// The counters, and what the table calls them.
    private static let columns = [
        ("loads", "loads"), ("stores", "stores"), ("commits", "commits"), ("aborts", "aborts"),
        ("conflicts", "conflicts"),
    ]

    /// A table. With the counters of an earlier one it shows how much there was in a second, else how much there was since
    /// the server started.
    init(_ answers: [Answer], since earlier: Counters? = nil, at date: Date = Date()) {
        var counts: [[String]: ServerHealth.Numbers] = [:]
        let suffix = earlier == nil ? "" : "/s"
        var rows = [
            ["server", "storage", "clients", "active", "waiting", "lock"] + Self.columns.map { $0.1 + suffix }
                + ["last transaction"]
        ]
        for answer in answers {
            switch answer.health {
            case .failure(let failure):
                rows.append([answer.address, "\(failure)"])
            case .success(let health) where health.storages.isEmpty:
                rows.append([answer.address, "no storages"])
            case .success(let health):
                for (name, numbers) in health.sorted {
                    counts[[answer.address, name]] = numbers
                    let old = earlier.map { ($0.counts[[answer.address, name]], date.timeIntervalSince($0.date)) }
                    rows.append(
                        [answer.address, name]
                            + ["connections", "active_txns", "waiting"].map { Self.text(numbers[$0]) }
                            + [Self.lock(numbers["lock_time"], at: date)]
                            + Self.columns.map { Self.rate(numbers[$0.0], old?.0?[$0.0], old?.1) }
                            + [Self.text(numbers["last-transaction"])]
                    )
                }
            }
        }
        self.text = Self.aligned(rows)
        self.counters = Counters(date: date, counts: counts)
    }

    /// The answers as JSON, by address; a server that did not answer has a text in place of its storages.
    static func json(_ answers: [Answer]) throws -> String {
        var object: [String: JSONValue] = [:]
        for answer in answers {
            switch answer.health {
            case .success(let health): object[answer.address] = .object(health.storages.mapValues { .object($0) })
            case .failure(let failure): object[answer.address] = .string("\(failure)")
            }
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(object), as: UTF8.self) + "\n"
    }

    private static func lock(_ value: JSONValue?, at date: Date) -> String {
        switch value {
        case .double(let since): String(format: "%.1f s", max(date.timeIntervalSince1970 - since, 0))
        case .integer(let since): "\(max(Int64(date.timeIntervalSince1970) - since, 0)) s"
        default: "free"
        }
    }

    private static func rate(_ value: JSONValue?, _ old: JSONValue?, _ seconds: TimeInterval?) -> String {
        guard let seconds else { return self.text(value) }
        guard seconds > 0, case .integer(let new)? = value, case .integer(let old)? = old else { return "-" }
        return String(format: "%.1f", Double(new - old) / seconds)
    }

    private static func text(_ value: JSONValue?) -> String {
        switch value {
        case .integer(let number): String(number)
        case .string(let text): text
        case .double(let number): PythonText.number(number)
        default: "-"
        }
    }

    /// Columns of equal width, all but the first two and the last to the right.
    private static func aligned(_ rows: [[String]]) -> String {
        let count = rows.map(\.count).max() ?? 0
        // A row that says why there is none is as long as it is.
        let widths = (0..<count).map { column in
            rows.filter { $0.count == count }.map { $0[column].count }.max() ?? 0
        }
        return rows.map { row in
            let cells = row.enumerated().map { column, cell in
                let width = column == 0 ? rows.map { $0[0].count }.max() ?? 0 : widths[column]
                let space = String(repeating: " ", count: max(width - cell.count, 0))
                if column == row.count - 1 { return cell }
                return column < 2 ? cell + space : space + cell
            }
            return cells.joined(separator: "  ") + "\n"
        }.joined()
    }
}
