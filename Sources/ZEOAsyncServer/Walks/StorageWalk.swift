//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ZEOProtocol
import ZODBFormat
import ZODBStorage

/// A question that takes a storage long to answer, because it walks through what is on the disk. Every answer is what the
/// storage knew when the client had seen `seen`.
enum StorageWalk: Sendable {
    case history(ObjectID, limit: Int)
    case undoable(first: Int, last: Int, specification: [PickleItem])
    case currentRecord(atOrAfter: ObjectID)
    case transactions(from: TransactionID, through: TransactionID)
    case nextTransaction(Int, any TransactionCursor)
    case records(StoredTransaction)
    case nextRecord(Int, any RecordCursor)

    /// What was found.
    enum Finding: Sendable {
        case reply(Reply)
        case transactions(any TransactionCursor)
        case transaction(Int, StoredTransaction?)
        case records(any RecordCursor)
        case record(Int, StoredRecord?)
    }

    /// How many entries an answer has at most, whatever is asked for. Whoever wants more asks again from there.
    static let maximumEntryCount = 100_000

    /// How many bytes the transactions of an answer say about themselves at most, and as much once more for the last one.
    static let maximumMetadataSize = 64 * 1024 * 1024

    /// The object that the question is about.
    var oid: ObjectID? {
        if case .history(let oid, _) = self { return oid }
        return nil
    }

    func find(in storage: any Storage, asOf seen: TransactionID) async throws -> Finding {
        switch self {
        case .history(let oid, let limit):
            return .reply(.history(try await Self.history(of: oid, limit: limit, in: storage, asOf: seen)))
        case .undoable(let first, let last, let specification):
            return .reply(try await Self.undoable(first, last, specification, in: storage, asOf: seen))
        case .currentRecord(let oid):
            return .reply(.currentRecord(try await Self.currentRecord(atOrAfter: oid, in: storage, asOf: seen)))
        case .transactions(let first, let last):
            let last = min(last, seen)
            guard first <= last else { return .transactions(NoTransactions()) }
            return .transactions(try await storage.transactions(from: first, through: last))
        case .nextTransaction(let number, let cursor):
            return .transaction(number, try await cursor.next())
        case .records(let transaction):
            return .records(try await transaction.records())
        case .nextRecord(let number, let cursor):
            return .record(number, try await cursor.next())
        }
    }

    private static func history(
        of oid: ObjectID,
        limit: Int,
        in storage: any Storage,
        asOf seen: TransactionID
    ) async throws -> [HistoryEntry] {
        let limit = min(limit, Self.maximumEntryCount)
        var wanted = max(limit, 1)
        while true {
            let revisions = try await storage.history(
                of: oid,
                limit: wanted,
                metadataLimit: Self.maximumMetadataSize
            )
            let known = revisions.drop { $0.tid > seen }
            if known.isEmpty, revisions.count < wanted { throw StorageError(.noSuchObject, "not yet", oid: oid) }
            // Newer revisions have taken the place of some that the client asked for.
            guard known.count >= limit || revisions.count < wanted else {
                wanted += revisions.count - known.count
                continue
            }
            return Self.whatFits(known.prefix(max(limit, 0)), \.extensionItems) { revision in
                HistoryEntry(
                    tid: revision.tid,
                    user: revision.metadata.user,
                    description: revision.metadata.description,
                    extensionItems: [PickleItem](extensionPickle: revision.metadata.extensionData),
                    size: revision.size
                )
            }
        }
    }

    private static func undoable(
        _ first: Int,
        _ last: Int,
        _ specification: [PickleItem],
        in storage: any Storage,
        asOf seen: TransactionID
    ) async throws -> Reply {
        // A negative end is a number of transactions. What cannot be counted so far is the end of all.
        let end = last < 0 ? first.subtractingReportingOverflow(last) : (partialValue: last, overflow: false)
        let skipped = max(first, 0)
        let limit = end.overflow ? .max : end.partialValue - min(skipped, end.partialValue)
        let found = try await storage.undoableTransactions(
            skipping: skipped,
            limit: min(limit, Self.maximumEntryCount),
            metadataLimit: Self.maximumMetadataSize
        ) { transaction in
            transaction.tid <= seen && (specification.isEmpty || UndoEntry(transaction).matches(specification))
        }
        return .undoable(Self.whatFits(found, \.extensionItems) { UndoEntry($0) })
    }

    /// The entries of an answer, as many as it may have. A few bytes on the disk can stand for many: what is said twice
    /// there is kept once.
    private static func whatFits<Fact, Entry>(
        _ facts: some Sequence<Fact>,
        _ items: (Entry) -> [PickleItem],
        _ makeEntry: (Fact) -> Entry
    ) -> [Entry] {
        var left = Self.maximumMetadataSize
        var entries: [Entry] = []
        for fact in facts where left > 0 {
            let entry = makeEntry(fact)
            left -= items(entry).reduce(0) { $0 + $1.key.plainSize + $1.value.plainSize }
            entries.append(entry)
        }
        return entries
    }

    private static func currentRecord(
        atOrAfter first: ObjectID,
        in storage: any Storage,
        asOf seen: TransactionID
    ) async throws -> CurrentRecordEntry {
        var oid = first
        while let record = try await storage.currentRecord(atOrAfter: oid) {
            if record.tid <= seen {
                return CurrentRecordEntry(oid: record.oid, tid: record.tid, data: record.data, next: record.next)
            }
            // It has changed since: the client gets what it was, if it was.
            do {
                if let revision = try await storage.load(record.oid, before: seen.successor) {
                    return CurrentRecordEntry(
                        oid: record.oid,
                        tid: revision.tid,
                        data: revision.data,
                        next: record.next
                    )
                }
            } catch let error as StorageError where error.code == .noSuchObject {}
            guard let next = record.next else { break }
            oid = next
        }
        throw RemoteException("builtins.ValueError", .string("empty tree"))
    }
}

extension UndoEntry {
    fileprivate init(_ transaction: UndoableTransaction) {
        self.init(
            tid: transaction.tid,
            user: transaction.metadata.user,
            description: transaction.metadata.description,
            extensionItems: [PickleItem](extensionPickle: transaction.metadata.extensionData),
            size: transaction.size
        )
    }
}

/// A walk that is over before it begins.
private final class NoTransactions: TransactionCursor {
    func next() async throws -> StoredTransaction? { nil }
}
