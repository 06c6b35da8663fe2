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

    /// How the database behaves.
    public let options: DatabaseOptions

    let hub: InvalidationHub
    let pool: ConnectionPool
    let historicalPool: ConnectionPool
    let cacheReports = CacheReports()

    private init(storage: any Storage, options: DatabaseOptions, hub: InvalidationHub) {
        self.storage = storage
        self.options = options
        self.hub = hub
        self.pool = ConnectionPool(size: options.poolSize, timeout: options.poolTimeout, logger: options.logger)
        self.historicalPool = ConnectionPool(
            size: options.historicalPoolSize,
            timeout: options.historicalTimeout,
            logger: options.logger
        )
    }

    /// Opens the database in a storage, and makes its root object, a mapping, when there is none.
    ///
    /// - Parameters:
    ///   - storage: Belongs to the database from now on: closing the database closes it. When opening fails, it is left
    ///     open.
    ///   - options: How the database behaves.
    public static func open(_ storage: any Storage, options: DatabaseOptions = DatabaseOptions()) async throws
        -> Database
    {
        let hub = InvalidationHub()
        hub.began(at: try await storage.addObserver(hub))
        let database = Database(storage: storage, options: options, hub: hub)
        do {
            try await database.makeRoot()
        } catch {
            await storage.removeObserver(hub)
            throw error
        }
        return database
    }

    /// Opens the database in a storage, with other caches than usual and everything else by default.
    public static func open(_ storage: any Storage, cacheSize: Int) async throws -> Database {
        var options = DatabaseOptions()
        options.cacheSize = cacheSize
        return try await self.open(storage, options: options)
    }

    /// Closes the database and its storage. Connections that are still open can do nothing any more.
    public func close() async {
        self.pool.closeAll()
        self.historicalPool.closeAll()
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
