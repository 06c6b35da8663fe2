//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import NIOCore
public import NIOPosix
public import ZODB

/// The databases whose servers are registered in ZooKeeper, as Python's `zc.zkzeo` opens them.
///
/// What is opened here owns one task, which follows ZooKeeper and keeps a connection; closing it ends the task. The forms
/// that take a closure close by themselves, and ``ZKZEOService`` is for a `ServiceGroup`.
///
/// Opening throws `ZooKeeperError` when ZooKeeper is not reached within `connectTimeout`, or the path does not exist. An
/// empty list of addresses is waited for, unless `options.wait` is false.
public enum ZKZEO {
    /// Opens a storage on the servers that are registered at a path.
    ///
    /// - Parameters:
    ///   - connectionString: Where ZooKeeper is: `HOST:PORT[,HOST:PORT…][/CHROOT]`.
    ///   - path: Where the servers are registered.
    ///   - options: How the client behaves.
    ///   - eventLoopGroup: What runs the connections.
    public static func client(
        _ connectionString: String,
        _ path: String,
        options: ClientOptions = ClientOptions(),
        eventLoopGroup: any EventLoopGroup = .singletonMultiThreadedEventLoopGroup
    ) async throws -> ClientStorage {
        let storage = ClientStorage(
            zooKeeper: connectionString,
            path: path,
            options: options,
            eventLoopGroup: eventLoopGroup
        )
        try await storage.start()
        return storage
    }

    /// Opens the database on the servers that are registered at a path. Closing it closes everything.
    ///
    /// The parameters are those of ``client(_:_:options:eventLoopGroup:)``. A database needs its root object, so even with
    /// `options.wait` false this waits for a server, up to `options.waitTimeout`.
    // swift-format-ignore: AlwaysUseLowerCamelCase
    public static func DB(
        _ connectionString: String,
        _ path: String,
        options: ClientOptions = ClientOptions(),
        eventLoopGroup: any EventLoopGroup = .singletonMultiThreadedEventLoopGroup
    ) async throws -> Database {
        let storage = try await Self.client(connectionString, path, options: options, eventLoopGroup: eventLoopGroup)
        do {
            return try await Database.open(storage)
        } catch {
            try await storage.close()
            throw error
        }
    }

    /// Opens a connection to the database on the servers that are registered at a path. Closing it closes everything.
    ///
    /// The parameters are those of ``client(_:_:options:eventLoopGroup:)``.
    public static func connection(
        _ connectionString: String,
        _ path: String,
        options: ClientOptions = ClientOptions(),
        eventLoopGroup: any EventLoopGroup = .singletonMultiThreadedEventLoopGroup
    ) async throws -> sending Connection {
        let database = try await Self.DB(connectionString, path, options: options, eventLoopGroup: eventLoopGroup)
        return database.connection(closingDatabase: true)
    }

    /// Runs `body` with a storage on the servers that are registered at a path, and closes it.
    public static func withClient<Result>(
        _ connectionString: String,
        _ path: String,
        options: ClientOptions = ClientOptions(),
        _ body: (ClientStorage) async throws -> Result
    ) async throws -> Result {
        let storage = try await Self.client(connectionString, path, options: options)
        do {
            let result = try await body(storage)
            try await storage.close()
            return result
        } catch {
            try await storage.close()
            throw error
        }
    }

    /// Runs `body` with the database on the servers that are registered at a path, and closes it.
    public static func withDB<Result>(
        _ connectionString: String,
        _ path: String,
        options: ClientOptions = ClientOptions(),
        _ body: (Database) async throws -> Result
    ) async throws -> Result {
        let database = try await Self.DB(connectionString, path, options: options)
        do {
            let result = try await body(database)
            await database.close()
            return result
        } catch {
            await database.close()
            throw error
        }
    }

    /// Runs `body` with a connection to the database on the servers that are registered at a path, and closes it.
    ///
    /// ```swift
    /// try await ZKZEO.withConnection("zookeeper.example.com:2181", "/databases/demo") { connection in
    ///     try await connection.transaction { root in root["greeting"] = "hello" }
    /// }
    /// ```
    public static func withConnection<Result>(
        _ connectionString: String,
        _ path: String,
        options: ClientOptions = ClientOptions(),
        _ body: (Connection) async throws -> Result
    ) async throws -> Result {
        let connection = try await Self.connection(connectionString, path, options: options)
        do {
            let result = try await body(connection)
            await connection.close()
            return result
        } catch {
            await connection.close()
            throw error
        }
    }
}
