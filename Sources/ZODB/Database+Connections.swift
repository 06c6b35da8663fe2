//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import ZODBFormat
import ZODBStorage

extension Database {
    /// Opens a connection for the task that calls. Close it when it is done with.
    ///
    /// - Parameter closingDatabase: Whether closing the connection closes the database as well.
    public func connection(closingDatabase: Bool = false) -> sending Connection {
        if !closingDatabase, let idle = self.pool.take(nil, now: .now) { return idle.connection }
        return Connection(self, closesDatabase: closingDatabase)
    }

    /// Opens a connection that shows the database as it was after the transaction `tid`, and can change nothing: commits
    /// throw `StorageError.readOnly`.
    ///
    /// Throws `StorageError.invalidArgument` for a transaction that is yet to come. What a pack has removed is not there.
    public func connection(at tid: TransactionID) throws -> sending Connection {
        // Otherwise the connection would not show for ever what it shows now.
        guard tid <= self.hub.last else {
            throw StorageError(.invalidArgument, "\(tid) lies in the future; the last transaction is \(self.hub.last)")
        }
        if let idle = self.historicalPool.take(tid, now: .now) { return idle.connection }
        return Connection(self, showing: tid)
    }

    /// Opens a connection that shows the database as it was before the transaction `tid`. See `connection(at:)`.
    public func connection(before tid: TransactionID) throws -> sending Connection {
        try self.connection(at: TransactionID(rawValue: tid.rawValue &- (tid == .zero ? 0 : 1)))
    }

    /// Runs `body` in a transaction of a connection of its own and commits what it changed, as
    /// `Connection.transaction(user:note:attempts:_:)` does. May be called from any number of tasks at once.
    public func transaction<Result: Sendable>(
        user: String = "",
        note: String = "",
        attempts: Int = 10,
        _ body: @Sendable (PersistentMapping) async throws -> Result
    ) async throws -> Result {
        try await self.withConnection { connection in
            try await connection.transaction(user: user, note: note, attempts: attempts, body)
        }
    }

    /// Runs `body` in a transaction of a connection of its own and forgets whatever it changed.
    public func read<Result: Sendable>(
        _ body: @Sendable (PersistentMapping) async throws -> Result
    ) async throws -> Result {
        try await self.withConnection { try await $0.read(body) }
    }

    /// Runs `body` with the database as it was after the transaction `tid`. See `connection(at:)`.
    public func read<Result: Sendable>(
        at tid: TransactionID,
        _ body: @Sendable (PersistentMapping) async throws -> Result
    ) async throws -> Result {
        try await self.withConnection(try self.connection(at: tid)) { try await $0.read(body) }
    }

    /// Runs `body` with a connection that is not to be used afterwards.
    ///
    /// The connection, and what it has loaded, may serve others later: neither the closure nor its result can keep any of
    /// its objects, because they are not `Sendable`.
    public func withConnection<Result: Sendable>(
        _ body: @Sendable (Connection) async throws -> Result
    ) async throws -> Result {
        try await self.withConnection(self.connection(), body)
    }

    private func withConnection<Result: Sendable>(
        _ connection: sending Connection,
        _ body: @Sendable (Connection) async throws -> Result
    ) async throws -> Result {
        do {
            let result = try await body(connection)
            await self.giveBack(connection)
            return result
        } catch {
            await self.giveBack(connection)
            throw error
        }
    }

    private func giveBack(_ connection: Connection) async {
        guard await connection.rest() else { return }
        let pool = connection.isHistorical ? self.historicalPool : self.pool
        pool.put(.init(connection: connection), connection.moment, now: .now)
    }
}
