//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ZEOProtocol
import ZODBFormat

/// How a storage is doing: the answer to `server_status`, and what a monitor gets for `ruok`. Keys and order are those of
/// Python's server.
struct StorageStatus {
    var connections: Int
    var loads: Int
    var stores: Int
    var commits: Int
    var aborts: Int
    var activeTransactions: Int
    var lockTime: WallTime?
    var conflicts: Int
    var mergedConflicts: Int
    var start: String
    var waiting: Int
    /// Whether transactions are timed at all.
    var hasTimeout: Bool
    var lastTransaction: TransactionID
    /// How far the pack is that is under way.
    var packing: String?

    init(_ served: ServedStorage, lastTransaction: TransactionID, hasTimeout: Bool) {
        let counters = served.statistics
        self.connections = served.log.subscriptionCount
        self.loads = counters.loads.value
        self.stores = counters.stores.value
        self.commits = counters.commits.value
        self.aborts = counters.aborts.value
        self.activeTransactions = counters.activeTransactions.value
        self.lockTime = served.lock.since
        self.conflicts = counters.conflicts.value
        self.mergedConflicts = counters.mergedConflicts.value
        self.start = counters.start
        // One vote at a time is no waiting: it is being checked.
        self.waiting = max(counters.voting.value - (self.lockTime == nil ? 1 : 0), 0)
        self.hasTimeout = hasTimeout
        self.lastTransaction = lastTransaction
        self.packing = served.packs.description
    }

    var lastTransactionHex: String { String(self.lastTransaction.description.dropFirst(2)) }

    var items: [(key: String, value: PickleValue)] {
        var items: [(key: String, value: PickleValue)] = [
            ("connections", .int(self.connections)),
            ("loads", .int(self.loads)),
            ("stores", .int(self.stores)),
            ("commits", .int(self.commits)),
            ("aborts", .int(self.aborts)),
            ("active_txns", .int(self.activeTransactions)),
            ("lock_time", self.lockTime.map { .float($0.seconds) } ?? .none),
            ("conflicts", .int(self.conflicts)),
            ("conflicts_resolved", .int(self.mergedConflicts)),
            ("start", .string(self.start)),
            ("waiting", .int(self.waiting)),
            ("timeout-thread-is-alive", self.hasTimeout ? .bool(true) : .string("stub")),
            ("last-transaction", .string(self.lastTransactionHex)),
        ]
        // Python's server does not tell, and its clients compare the rest.
        if let packing = self.packing { items.append(("packing", .string(packing))) }
        return items
    }

    var reply: Reply {
        .value(.dict(self.items.map { PickleItem(.string($0.key), $0.value) }))
    }

    /// The status as JSON, spaced as Python's `json.dumps` does it.
    var json: String {
        let members = self.items.map { key, value -> String in
            let text = if case .string(let string) = value { Self.quoted(string) } else { Self.plain(value) }
            return "\(Self.quoted(key)): \(text)"
        }
        return "{\(members.joined(separator: ", "))}"
    }

    /// A value as JSON has it, but a text without quotes.
    static func plain(_ value: PickleValue) -> String {
        switch value {
        case .int(let number): String(number)
        case .float(let number): String(number)
        case .bool(let truth): truth ? "true" : "false"
        case .string(let string): string
        default: "null"
        }
    }

    /// The statuses of several storages by name, as JSON.
    static func json(_ statuses: [(name: String, status: StorageStatus)]) -> String {
        "{\(statuses.map { "\(self.quoted($0.name)): \($0.status.json)" }.joined(separator: ", "))}"
    }

    /// A JSON string in ASCII.
    private static func quoted(_ text: String) -> String {
        var result = "\""
        for unit in text.utf16 {
            switch unit {
            case 0x22, 0x5c: result += "\\" + String(UnicodeScalar(UInt8(unit)))
            case 0x20..<0x7f: result += String(UnicodeScalar(UInt8(unit)))
            default:
                let digits = String(unit, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            }
        }
        return result + "\""
    }
}
