//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import NIOCore
public import NIOPosix
public import ServiceLifecycle
public import ZODB
import ZODBStorage

/// The database on the servers that are registered at a path, for a `ServiceGroup`.
///
/// ```swift
/// let zodb = ZKZEOService("zookeeper.example.com:2181", "/databases/demo")
/// let group = ServiceGroup(services: [zodb, application], gracefulShutdownSignals: [.sigterm], logger: logger)
/// // in the application, once the group runs:
/// try await zodb.database().transaction { root in root["greeting"] = "hello" }
/// ```
public final class ZKZEOService: Service {
    /// Where the objects are kept.
    public let storage: ClientStorage

    private let opened = OneShot<Result<Database, any Error>>()

    /// A database that is opened when the service runs. The parameters are those of `ZKZEO.client`.
    public init(
        _ connectionString: String,
        _ path: String,
        options: ClientOptions = ClientOptions(),
        eventLoopGroup: any EventLoopGroup = .singletonMultiThreadedEventLoopGroup
    ) {
        self.storage = ClientStorage(
            zooKeeper: connectionString,
            path: path,
            options: options,
            eventLoopGroup: eventLoopGroup
        )
    }

    /// The database, after waiting until it is open. Throws why it could not be opened, or `StorageError.closed` when the
    /// service has ended.
    public func database() async throws -> Database {
        try await self.opened.wait().get()
    }

    /// Keeps the database open until the task is cancelled or a graceful shutdown begins.
    ///
    /// Throws when the database cannot be opened: ZooKeeper is out of reach, the path does not exist, or no server has let
    /// the client in for `waitTimeout`.
    public func run() async throws {
        defer { self.opened.set(.failure(StorageError(.closed, "the service has ended"))) }
        do {
            try await withThrowingTaskGroup { group in
                group.addTask { try await self.storage.run() }
                group.addTask {
                    try await self.storage.started()
                    self.opened.set(.success(try await Database.open(self.storage)))
                    // The storage's task ends the service.
                    try await Task.sleep(for: .seconds(Int64.max / 4))
                }
                defer { group.cancelAll() }
                try await group.next()
            }
        } catch {
            self.opened.set(.failure(error))
            throw error
        }
    }
}
