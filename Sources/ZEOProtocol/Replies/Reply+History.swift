//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import ZODBFormat

// The results of calls about what a storage remembers: made by servers, read by clients. Each reading function throws
// the remote exception when the answer is one, and `FormatError` when it is not an answer to that call.
extension Reply {
    /// Revisions, as answer to `history`.
    public static func history(_ entries: [HistoryEntry]) -> Reply { .value(.list(entries.map(\.wire))) }

    /// Transactions, as answer to `undoLog` and `undoInfo`.
    public static func undoable(_ entries: [UndoEntry]) -> Reply { .value(.list(entries.map(\.wire))) }

    /// The answer to `undoLog` and `undoInfo` of a storage that does not undo: an empty tuple.
    public static let nothingUndoable = Reply.value(.tuple([]))

    /// A number, as answer to `iterator_start` and `iterator_record_start`.
    public static func walk(_ number: Int) -> Reply { .value(.int(number)) }

    /// A transaction or the end, as answer to `iterator_next`.
    public static func transaction(_ entry: TransactionEntry?) -> Reply { .value(entry?.wire ?? .none) }

    /// A record or the end, as answer to `iterator_record_next`.
    public static func record(_ entry: RecordEntry?) -> Reply { .value(entry?.wire ?? .none) }

    /// A record, as answer to `record_iternext`.
    public static func currentRecord(_ entry: CurrentRecordEntry) -> Reply { .value(entry.wire) }

    /// The answer to `history`.
    public func history() throws -> [HistoryEntry] {
        try self.list("a history") { HistoryEntry(wire: $0) }
    }

    /// The answer to `undoLog` and `undoInfo`.
    public func undoable() throws -> [UndoEntry] {
        try self.list("transactions to undo") { UndoEntry(wire: $0) }
    }

    /// The answer to `iterator_start` and `iterator_record_start`.
    public func walk() throws -> Int {
        let value = try self.plainValue()
        guard let number = value.wireInteger else { throw Self.unexpected("a number", value) }
        return number
    }

    /// The answer to `iterator_next`; `nil` at the end.
    public func transaction() throws -> TransactionEntry? {
        let value = try self.plainValue()
        if value == .none { return nil }
        guard let entry = TransactionEntry(wire: value) else { throw Self.unexpected("a transaction", value) }
        return entry
    }

    /// The answer to `iterator_record_next`; `nil` at the end.
    public func recordEntry() throws -> RecordEntry? {
        let value = try self.plainValue()
        if value == .none { return nil }
        guard let entry = RecordEntry(wire: value) else { throw Self.unexpected("a record", value) }
        return entry
    }

    /// The answer to `record_iternext`.
    public func currentRecord() throws -> CurrentRecordEntry {
        let value = try self.plainValue()
        guard let entry = CurrentRecordEntry(wire: value) else { throw Self.unexpected("a current record", value) }
        return entry
    }

    private func list<Entry>(_ wanted: String, _ read: (PickleValue) -> Entry?) throws -> [Entry] {
        let value = try self.plainValue()
        guard let elements = value.wireElements else { throw Self.unexpected(wanted, value) }
        return try elements.map { element in
            guard let entry = read(element) else { throw Self.unexpected(wanted, element) }
            return entry
        }
    }
}
