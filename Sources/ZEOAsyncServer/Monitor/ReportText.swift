//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ZODBStorage

/// A server's report as lines of text.
enum ReportText {
    /// How many clients are listed.
    static let maximumLines = 1000

    static func status(_ report: ServerReport, storage name: String?) throws -> String {
        let storages = report.storages.filter { name == nil || $0.name == name }
        guard !storages.isEmpty else { throw MonitorCommandError("there is no storage '\(name ?? "")'") }
        var lines: [String] = []
        if name == nil {
            lines += [
                "address \(report.addresses.joined(separator: " "))",
                "uptime \(Self.seconds(report.now.seconds - report.started.seconds))",
                "clients \(report.connections.count)",
            ]
        }
        for storage in storages {
            lines.append("storage \(storage.name)")
            lines += storage.status.items.map { key, value in "  \(key) \(StorageStatus.plain(value))" }
        }
        return Self.text(lines)
    }

    static func connections(_ report: ServerReport) -> String {
        var lines = report.connections.prefix(Self.maximumLines).map { client in
            [
                client.label.replacing(" ", with: "_"), client.storage ?? "-", client.isReadOnly ? "ro" : "rw",
                client.transaction.rawValue, "\(client.storeCount)", "\(client.byteCount)",
                Self.seconds(report.now.seconds - client.since.seconds),
            ].joined(separator: " ")
        }
        let more = report.connections.count - lines.count
        if more > 0 { lines.append("(and \(more) more)") }
        return Self.text(lines)
    }

    static func storages(_ report: ServerReport) -> String {
        Self.text(
            report.storages.map { storage in
                "\(storage.name) \(storage.isReadOnly ? "ro" : "rw") \(storage.size.objectCount) "
                    + "\(storage.size.byteCount) \(storage.status.lastTransactionHex) \(storage.title)"
            }
        )
    }

    static func lock(_ report: ServerReport) -> String {
        var lines: [String] = []
        for storage in report.storages {
            let held = storage.status.lockTime.map { "held \(Self.seconds(report.now.seconds - $0.seconds))" } ?? "free"
            lines.append("\(storage.name) \(held) waiting \(storage.status.waiting)")
            let clients = report.connections.filter { client in
                client.storage == storage.name && client.transaction != .none && client.transaction != .collecting
            }
            lines += clients.prefix(Self.maximumLines).map { "  \($0.transaction.rawValue) \($0.label)" }
        }
        return Self.text(lines)
    }

    /// Seconds with one digit behind the point.
    static func seconds(_ seconds: Double) -> String {
        let tenths = Int(max(seconds, 0) * 10)
        return "\(tenths / 10).\(tenths % 10)"
    }

    private static func text(_ lines: [String]) -> String { lines.map { $0 + "\n" }.joined() }
}
