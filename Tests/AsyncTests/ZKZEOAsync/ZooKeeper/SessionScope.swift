//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Logging
import Testing

@testable import ZKZEOAsync

let quiet: Logger = {
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    return logger
}()

/// Runs `body` with a session that is connected, and ends the session afterwards.
func withSession<Result: Sendable>(
    _ connectionString: String,
    sessionTimeout: Duration = .seconds(30),
    configure: (inout ZooKeeperSession.Configuration) -> Void = { _ in },
    _ body: @Sendable (ZooKeeperSession) async throws -> Result
) async throws -> Result {
    var configuration = ZooKeeperSession.Configuration(connectionString: connectionString)
    configuration.sessionTimeout = sessionTimeout
    configure(&configuration)
    let session = ZooKeeperSession(configuration: configuration, logger: quiet)
    async let running: Void = session.run()
    let result: Swift.Result<Result, any Error>
    do {
        try await session.waitUntilConnected(timeout: .seconds(30))
        result = .success(try await body(session))
    } catch {
        result = .failure(error)
    }
    await session.close()
    if case .success = result { try await running } else { try? await running }
    return try result.get()
}

/// Expects that `body` throws ZooKeeper's error of that code.
func expectError<Result>(
    _ code: ZooKeeperError.Code,
    sourceLocation: SourceLocation = #_sourceLocation,
    isolation: isolated (any Actor)? = #isolation,
    _ body: () async throws -> Result
) async {
    do {
        _ = try await body()
        Issue.record("no error was thrown", sourceLocation: sourceLocation)
    } catch let error as ZooKeeperError {
        #expect(error.code == code, sourceLocation: sourceLocation)
    } catch {
        Issue.record("another error was thrown: \(error)", sourceLocation: sourceLocation)
    }
}
