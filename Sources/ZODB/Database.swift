//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import ZODBFormat
public import ZODBStorage

/// A database of persistent objects in a storage.
///
/// May be shared freely. What is done with objects is done in a `Connection`, or in a closure that is given to
/// `transaction(_:)` or `read(_:)`.
public final class Database: Sendable {
    /// Where the objects are kept.
    public let storage: any Storage

    /// How many objects each connection keeps loaded though the program does not hold them.
    public let cacheSize: Int

    let hub: InvalidationHub

    private init(storage: any Storage, cacheSize: Int, hub: InvalidationHub) {
        self.storage = storage
        self.cacheSize = cacheSize
        self.hub = hub
    }

    /// Opens the database in a storage, and makes its root object, a mapping, when there is none.
    ///
    /// - Parameters:
    ///   - storage: Belongs to the database from now on: closing the database closes it. When opening fails, it is left
    ///     open.
    ///   - cacheSize: How many objects each connection keeps loaded though the program does not hold them.
    public static func open(_ storage: any Storage, cacheSize: Int = 400) async throws -> Database {
        let hub = InvalidationHub()
        hub.began(at: try await storage.addObserver(hub))
        let database = Database(storage: storage, cacheSize: cacheSize, hub: hub)
        do {
            try await database.makeRoot()
        } catch {
            await storage.removeObserver(hub)
            throw error
        }
        return database
    }

    /// Opens a connection for the task that calls. Close it when it is done with.
    ///
    /// - Parameter closingDatabase: Whether closing the connection closes the database as well.
    public func connection(closingDatabase: Bool = false) -> sending Connection {
        Connection(self, cacheSize: self.cacheSize, closesDatabase: closingDatabase)
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

    /// Runs `body` with a connection that is closed afterwards.
    public func withConnection<Result: Sendable>(
        _ body: @Sendable (Connection) async throws -> Result
    ) async throws -> Result {
        let connection = self.connection()
        do {
            let result = try await body(connection)
            await connection.close()
            return result
        } catch {
            await connection.close()
            throw error
        }
    }

    /// Closes the database and its storage. Connections that are still open can do nothing any more.
    public func close() async {
        await self.storage.removeObserver(self.hub)
        // What could not be written has been reported to whoever committed it.
        try? await self.storage.close()
    }

    private func makeRoot() async throws {
        do {
            if try await self.storage.load(.root, before: .max) != nil { return }
        } catch let error as StorageError where error.code == .noSuchObject {}
        let root = PersistentMapping()
        var draft = TransactionDraft(operations: [.store(.root, serial: .zero, data: root.record)])
        draft.metadata.description = ByteBuffer(string: "initial database creation")
        switch try await self.storage.vote(draft) {
        case .prepared(let vote): _ = try await self.storage.finish(vote)
        case .conflicts: break  // Somebody else has just made it.
        }
    }
}
