//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ZODBStorage

/// A server's report as a page for people: no scripts, nothing from elsewhere, and readable without its style.
struct StatusPage {
    /// How many clients are listed.
    static let maximumRows = 500

    let report: ServerReport
    /// What is missing before clients can be sent here.
    let notReady: String?

    var html: String {
        """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta http-equiv="refresh" content="10">
        <title>ZEO server \(Self.escaped(self.report.addresses.first ?? ""))</title>
        <style>\(Self.style)</style>
        </head>
        <body>
        <h1>ZEO server</h1>
        \(self.summary)
        <h2>Storages</h2>
        \(self.storages)
        <h2>Clients</h2>
        \(self.clients)
        <p class="note">Counted since the server started. This page renews itself every ten seconds; numbers for machines \
        are at <a href="/metrics">/metrics</a>.</p>
        </body>
        </html>

        """
    }

    private var summary: String {
        let state =
            self.notReady.map { "<strong class=\"bad\">not ready</strong>: \(Self.escaped($0))" }
            ?? "<strong class=\"good\">ready</strong>"
        return """
            <dl>
            <dt>State</dt><dd>\(state)\(self.report.isReadOnly ? ", read-only" : "")</dd>
            <dt>Address</dt><dd>\(Self.escaped(self.report.addresses.joined(separator: ", ")))</dd>
            <dt>Started</dt><dd>\(self.report.started.ctime) UTC, \(self.ago(self.report.started)) ago</dd>
            </dl>
            """
    }

    private var storages: String {
        let rows = self.report.storages.map { storage in
            let status = storage.status
            let lock = status.lockTime.map { "held for \(self.ago($0))" } ?? "free"
            return Self.row(
                [
                    storage.name, storage.title, storage.isReadOnly ? "read-only" : "read and write", lock,
                    status.lastTransactionHex,
                ],
                [
                    Self.grouped(status.waiting), Self.grouped(status.connections),
                    Self.grouped(storage.size.objectCount), Self.size(storage.size.byteCount),
                    Self.grouped(status.loads), Self.grouped(status.stores), Self.grouped(status.commits),
                    Self.grouped(status.aborts), Self.grouped(status.conflicts),
                ]
            )
        }
        return Self.table(
            ["Name", "Storage", "Access", "Commit lock", "Last transaction"],
            ["Waiting", "Clients", "Objects", "Size", "Loads", "Stores", "Commits", "Aborts", "Conflicts"],
            rows
        )
    }

    private var clients: String {
        guard !self.report.connections.isEmpty else { return "<p>There are none.</p>" }
        let rows = self.report.connections.prefix(Self.maximumRows).map { client in
            Self.row(
                [
                    client.label, client.storage ?? "none yet", client.isReadOnly ? "read-only" : "read and write",
                    client.transaction == .none ? "none" : client.transaction.rawValue,
                ],
                [Self.grouped(client.storeCount), Self.size(client.byteCount), self.ago(client.since)]
            )
        }
        let more = self.report.connections.count - rows.count
        return Self.table(
            ["Client", "Storage", "Access", "Transaction"],
            ["Objects", "Size", "Connected for"],
            rows
        ) + (more > 0 ? "\n<p>And \(Self.grouped(more)) more.</p>" : "")
    }

    // MARK: Parts

    private static func table(_ texts: [String], _ numbers: [String], _ rows: [String]) -> String {
        let head =
            texts.map { "<th scope=\"col\">\($0)</th>" } + numbers.map { "<th scope=\"col\" class=\"n\">\($0)</th>" }
        return """
            <div class="scroll"><table>
            <thead><tr>\(head.joined())</tr></thead>
            <tbody>
            \(rows.joined(separator: "\n"))
            </tbody>
            </table></div>
            """
    }

    private static func row(_ texts: [String], _ numbers: [String]) -> String {
        let cells =
            texts.map { "<td>\(Self.escaped($0))</td>" } + numbers.map { "<td class=\"n\">\(Self.escaped($0))</td>" }
        return "<tr>\(cells.joined())</tr>"
    }

    private static let style = """

        :root { color-scheme: light dark; }
        body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 80rem; padding: 0 1rem; }
        h1 { font-size: 1.5rem; margin: 0 0 1rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
        dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1.5rem; margin: 0; }
        dt { opacity: .7; } dd { margin: 0; }
        table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
        th, td { text-align: left; padding: .35rem .75rem .35rem 0; border-bottom: 1px solid #8884; white-space: nowrap; }
        th { font-weight: 600; opacity: .7; } .n { text-align: right; padding-right: 0; padding-left: .75rem; }
        .scroll { overflow-x: auto; } .note { opacity: .7; margin-top: 2rem; }
        .good { color: #2a8a4a; } .bad { color: #c0392b; }

        """

    private func ago(_ time: WallTime) -> String {
        let seconds = Int(max(self.report.now.seconds - time.seconds, 0))
        switch seconds {
        case ..<60: return "\(seconds) s"
        case ..<3600: return "\(seconds / 60) min"
        case ..<86400: return "\(seconds / 3600) h \(seconds / 60 % 60) min"
        default: return "\(seconds / 86400) d \(seconds / 3600 % 24) h"
        }
    }

    /// A number with its digits in groups of three.
    static func grouped(_ number: Int) -> String {
        var result = ""
        for (index, digit) in String(number.magnitude).reversed().enumerated() {
            if index > 0, index % 3 == 0 { result.append("\u{202f}") }
            result.append(digit)
        }
        return (number < 0 ? "-" : "") + String(result.reversed())
    }

    /// A number of bytes for people.
    static func size(_ bytes: Int) -> String {
        let units = ["B", "KiB", "MiB", "GiB", "TiB"]
        var (value, unit) = (Double(bytes), 0)
        while value >= 1024, unit < units.count - 1 {
            value /= 1024
            unit += 1
        }
        if unit == 0 { return "\(bytes) B" }
        let tenths = Int((value * 10).rounded())
        return "\(tenths / 10).\(tenths % 10) \(units[unit])"
    }

    /// A text that can stand in HTML.
    static func escaped(_ text: String) -> String {
        String(text.unicodeScalars.map { Character(self.isAllowed($0) ? $0 : "\u{fffd}") })
            .replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
            .replacing("\"", with: "&quot;")
    }

    /// HTML has no control characters.
    private static func isAllowed(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.generalCategory != .control || "\t\n".unicodeScalars.contains(scalar)
    }
}
