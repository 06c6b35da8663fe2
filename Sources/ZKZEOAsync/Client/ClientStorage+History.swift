//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import ZEOProtocol
public import ZODBFormat
public import ZODBStorage

extension ClientStorage {
    /// How many transactions are asked for at a time.
    private static let pageSize = 100

    /// The newest revisions of an object, newest first, at most `limit`. What the server has sent beyond `metadataLimit`
    /// is left out.
    public func history(of oid: ObjectID, limit: Int, metadataLimit: Int) async throws -> [RevisionSummary] {
        let connection = try await self.connection()
        let reply = try await connection.call(.history(oid, limit: limit))
        let newest = try self.read(reply, on: connection) { try $0.history() }.map { entry in
            RevisionSummary(
                tid: entry.tid,
                size: entry.size,
                metadata: TransactionMetadata(entry.user, entry.description, entry.extensionItems)
            )
        }
        return MetadataBudget.prefix(metadataLimit, of: newest, \.metadata)
    }

    /// Transactions that may be undone, newest first. `matches` is asked here: the server sends them all, a hundred at a
    /// time, until there are enough.
    public func undoableTransactions(
        skipping skipped: Int,
        limit: Int,
        metadataLimit: Int,
        where matches: @Sendable (UndoableTransaction) -> Bool
    ) async throws -> [UndoableTransaction] {
        let connection = try await self.connection()
        var found: [UndoableTransaction] = []
        var (left, first) = (skipped, 0)
        var last = TransactionID.max
        while found.count < limit {
            let reply = try await connection.call(.undoLog(first: first, last: -Self.pageSize))
            let page = try self.read(reply, on: connection) { try $0.undoable() }
            // What was committed since the page before has moved the others back.
            for entry in page where entry.tid < last {
                last = entry.tid
                let transaction = UndoableTransaction(
                    tid: entry.tid,
                    size: entry.size,
                    metadata: TransactionMetadata(entry.user, entry.description, entry.extensionItems)
                )
                guard matches(transaction) else { continue }
                if left > 0 { left -= 1 } else if found.count < limit { found.append(transaction) }
            }
            if page.count < Self.pageSize { break }
            first += page.count
        }
        return MetadataBudget.prefix(metadataLimit, of: found, \.metadata)
    }

    /// The transactions of the server's storage in a range of tids, both ends included, oldest first.
    ///
    /// The walk is bound to the connection with which it began: when that is lost, it throws `StorageError.disconnected`.
    public func transactions(
        from first: TransactionID,
        through last: TransactionID
    ) async throws -> any TransactionCursor {
        let connection = try await self.connection()
        let reply = try await connection.call(.iteratorStart(from: first, through: last))
        let number = try self.read(reply, on: connection) { try $0.walk() }
        return RemoteTransactionCursor(RemoteWalk(self, connection, number))
    }

    /// The current revision of the first object whose oid is `oid` or greater; `nil` when there is none.
    public func currentRecord(atOrAfter oid: ObjectID) async throws -> CurrentRecord? {
        let connection = try await self.connection()
        let reply = try await connection.call(.currentRecord(atOrAfter: oid))
        // So a server says that there is none.
        if case .exception(let exception) = reply, exception.className == "builtins.ValueError" { return nil }
        let entry = try self.read(reply, on: connection) { try $0.currentRecord() }
        // A copy of its own, which keeps no frame in memory.
        let data = ByteBuffer(bytes: entry.data.readableBytesView)
        return CurrentRecord(oid: entry.oid, tid: entry.tid, data: data, next: entry.next)
    }

    /// Has the server pack its storage, and returns when that is done. How far it is only the server knows.
    public func pack(_ request: PackRequest) async throws {
        try await self.pack(request, isWaited: true)
    }

    /// Has the server pack its storage.
    ///
    /// - Parameters:
    ///   - request: What is to be packed.
    ///   - isWaited: Whether this returns when the pack is done, and throws why it failed; otherwise it returns when the
    ///     server has begun, and its log tells the rest.
    public func pack(_ request: PackRequest, isWaited: Bool) async throws {
        guard request.collectsGarbage == nil else {
            throw StorageError(.unsupported, "the server's configuration says whether a pack collects garbage")
        }
        let connection = try await self.connection()
        let reply = try await connection.call(.pack(time: request.before.secondsSince1970, isWaited: isWaited))
        _ = try self.read(reply, on: connection) { try $0.plainValue() }
    }

    /// What the server says about itself and the storage (`server_status`): statistics by name.
    public func serverStatus() async throws -> [String: PickleValue] {
        let connection = try await self.connection()
        let reply = try await connection.call(.serverStatus)
        let value = try self.read(reply, on: connection) { try $0.plainValue() }
        guard case .dict(let items) = value else {
            throw StorageError(.refused, "the server's status is no dictionary")
        }
        return items.reduce(into: [:]) { status, item in
            if case .string(let name) = item.key { status[name] = item.value }
        }
    }
}

extension TransactionMetadata {
    /// What a server tells of a transaction.
    init(_ user: ByteBuffer, _ description: ByteBuffer, _ extensionItems: [PickleItem]) {
        self.init(user: user, description: description)
        if !extensionItems.isEmpty { PickleWriter().write(.dict(extensionItems), into: &self.extensionData) }
    }
}
