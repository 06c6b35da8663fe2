//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Synchronization
import ZEOProtocol
public import ZODBFormat
public import ZODBStorage

extension ClientStorage {
    /// The transactions of the server's storage in a range of tids, both ends included, oldest first.
    ///
    /// The walk is bound to the connection with which it began: when that is lost, it throws `StorageError.disconnected`.
    public func transactions(
        from first: TransactionID,
        through last: TransactionID
    ) async throws -> any TransactionCursor {
        let connection = try await self.connection()
        let reply = try await connection.call(.iteratorStart(from: first, through: last))
        return RemoteTransactionCursor(self, connection, try self.read(reply, on: connection) { try $0.walk() })
    }

    /// Has the server pack its storage, and returns when that is done. How far it is only the server knows.
    public func pack(_ request: PackRequest) async throws {
        guard request.collectsGarbage == nil else {
            throw StorageError(.unsupported, "the server's configuration says whether a pack collects garbage")
        }
        let connection = try await self.connection()
        let reply = try await connection.call(.pack(time: request.before.secondsSince1970, isWaited: true))
        _ = try self.read(reply, on: connection) { try $0.plainValue() }
    }
}

/// A walk through the transactions of a server. One caller at a time.
private final class RemoteTransactionCursor: TransactionCursor {
    private let storage: ClientStorage
    private let connection: ZEOConnection
    private let number: Int
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

    func next() async throws -> StoredTransaction? {
        if self.isAtEnd.load(ordering: .relaxed) { return nil }
        let reply = try await self.connection.call(.iteratorNext(self.number))
        guard let entry = try self.storage.read(reply, on: self.connection, { try $0.transaction() }) else {
            self.isAtEnd.store(true, ordering: .relaxed)
            return nil
        }
        guard let byte = entry.status.utf8.first, entry.status.utf8.count == 1,
            let status = TransactionStatus(rawValue: byte)
        else { throw StorageError(.unsupported, "transaction \(entry.tid) has the unknown status '\(entry.status)'") }
        var metadata = TransactionMetadata(user: entry.user, description: entry.description)
        if !entry.extensionItems.isEmpty {
            PickleWriter().write(.dict(entry.extensionItems), into: &metadata.extensionData)
        }
        return StoredTransaction(tid: entry.tid, status: status, metadata: metadata) {
            try await self.records(of: entry.tid)
        }
    }

    /// The server opens the records of the transaction that its walk has met last.
    private func records(of tid: TransactionID) async throws -> any RecordCursor {
        let reply = try await self.connection.call(.iteratorRecordStart(self.number, tid))
        let number = try self.storage.read(reply, on: self.connection) { try $0.walk() }
        return RemoteRecordCursor(self.storage, self.connection, number)
    }
}

/// A walk through the records of one transaction of a server. One caller at a time.
private final class RemoteRecordCursor: RecordCursor {
    private let storage: ClientStorage
    private let connection: ZEOConnection
    private let number: Int
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

    func next() async throws -> StoredRecord? {
        if self.isAtEnd.load(ordering: .relaxed) { return nil }
        let reply = try await self.connection.call(.iteratorRecordNext(self.number))
        guard let entry = try self.storage.read(reply, on: self.connection, { try $0.recordEntry() }) else {
            self.isAtEnd.store(true, ordering: .relaxed)
            return nil
        }
        return StoredRecord(
            oid: entry.oid,
            tid: entry.tid,
            // A copy of its own, which keeps no frame in memory.
            data: entry.data.map { ByteBuffer(bytes: $0.readableBytesView) },
            dataTransaction: entry.dataTransaction
        )
    }
}
