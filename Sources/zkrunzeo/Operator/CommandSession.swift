//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Logging
import ZKZEOAsync

/// A session with ZooKeeper for as long as a command needs it.
enum CommandSession {
    /// How long ZooKeeper may take to answer for the first time.
    static let patience = Duration.seconds(10)

    /// Runs `body` with a connected session. Throws a `StopReason` when ZooKeeper is out of reach.
    static func with<Result: Sendable>(
        _ connection: String,
        _ body: @escaping @Sendable (ZooKeeperSession) async throws -> Result
    ) async throws -> Result {
        do {
            _ = try ConnectionString(connection)
        } catch {
            throw StopReason(.usage, "\(connection): \(error.message ?? "\(error)"); expected HOST:PORT[,…][/CHROOT]")
        }
        let session = ZooKeeperSession(
            configuration: .init(connectionString: connection),
            logger: Logger(label: "zookeeper") { _ in SwiftLogNoOpLogHandler() }
        )
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await session.run() }
            do {
                _ = try await session.waitUntilConnected(timeout: Self.patience)
            } catch let error as ZooKeeperError {
                await session.close()
                throw StopReason(.zooKeeper, "ZooKeeper (\(connection)) is out of reach: \(error)")
            }
            let result: Swift.Result<Result, any Error>
            do {
                result = .success(try await body(session))
            } catch {
                result = .failure(error)
            }
            await session.close()
            try? await group.waitForAll()
            return try result.get()
        }
    }
}
