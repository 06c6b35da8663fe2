//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Synchronization
import ZEOProtocol
import ZODBFormat
import ZODBStorage

/// A walk that the server does for a client, by its number. One caller at a time.
final class RemoteWalk: Sendable {
    let storage: ClientStorage
    let connection: ZEOConnection
    let number: Int
    /// The server forgets a walk that has come to its end.
    private let isAtEnd = Atomic(false)

    init(_ storage: ClientStorage, _ connection: ZEOConnection, _ number: Int) {
        self.storage = storage
        self.connection = connection
        self.number = number
    }

    deinit {
        if self.isAtEnd.load(ordering: .relaxed) { return }
        self.connection.send(.iteratorsDropped([self.number]))
    }

    /// Asks for the next entry with `call`; `nil` at the end, for ever.
    func next<Entry>(_ call: ServerCall, _ entry: (Reply) throws -> Entry?) async throws -> Entry? {
        if self.isAtEnd.load(ordering: .relaxed) { return nil }
        let reply = try await self.connection.call(call)
        let next = try self.storage.read(reply, on: self.connection, entry)
        if next == nil { self.isAtEnd.store(true, ordering: .relaxed) }
        return next
    }
}

/// A walk through the transactions of a server.
final class RemoteTransactionCursor: TransactionCursor {
    private let walk: RemoteWalk

    init(_ walk: RemoteWalk) {
        self.walk = walk
    }

    func next() async throws -> StoredTransaction? {
        guard let entry = try await self.walk.next(.iteratorNext(self.walk.number), { try $0.transaction() }) else {
            return nil
        }
        guard let byte = entry.status.utf8.first, entry.status.utf8.count == 1,
            let status = TransactionStatus(rawValue: byte)
        else { throw StorageError(.unsupported, "transaction \(entry.tid) has the unknown status '\(entry.status)'") }
        let metadata = TransactionMetadata(entry.user, entry.description, entry.extensionItems)
        return StoredTransaction(tid: entry.tid, status: status, metadata: metadata) {
            try await self.records(of: entry.tid)
        }
    }

    /// The server opens the records of the transaction that its walk has met last.
    private func records(of tid: TransactionID) async throws -> any RecordCursor {
        let (storage, connection) = (self.walk.storage, self.walk.connection)
        let reply = try await connection.call(.iteratorRecordStart(self.walk.number, tid))
        let number = try storage.read(reply, on: connection) { try $0.walk() }
        return RemoteRecordCursor(RemoteWalk(storage, connection, number))
    }
}

/// A walk through the records of one transaction of a server.
final class RemoteRecordCursor: RecordCursor {
    private let walk: RemoteWalk

    init(_ walk: RemoteWalk) {
        self.walk = walk
    }

    func next() async throws -> StoredRecord? {
        guard let entry = try await self.walk.next(.iteratorRecordNext(self.walk.number), { try $0.recordEntry() })
        else { return nil }
        return StoredRecord(
            oid: entry.oid,
            tid: entry.tid,
            // A copy of its own, which keeps no frame in memory.
            data: entry.data.map { ByteBuffer(bytes: $0.readableBytesView) },
            dataTransaction: entry.dataTransaction
        )
    }
}
