//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Logging
import Synchronization
import Testing
import ZKTestServer

@testable import ZKZEOAsync

/// What libzookeeper logs goes to the session's logger.
@Suite(.timeLimit(.minutes(1))) struct LogForwardingTests {
    /// Keeps what is logged.
    private final class Lines: Sendable {
        let lines = Mutex<[(level: Logger.Level, text: String)]>([])
        func append(_ level: Logger.Level, _ text: String) { self.lines.withLock { $0.append((level, text)) } }
    }

    private struct Handler: LogHandler {
        let lines: Lines
        var metadata: Logger.Metadata = [:]
        var logLevel: Logger.Level
        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { self.metadata[key] }
            set { self.metadata[key] = newValue }
        }
        func log(event: LogEvent) {
            self.lines.append(event.level, "\(event.message) \(event.metadata ?? [:])")
        }
    }

    @Test func linesOfTheLibraryReachTheLoggerAtTraceAndDebugOnly() async throws {
        let lines = Lines()
        try await ZKTestServer.withServer { server in
            let logger = Logger(label: "test") { _ in Handler(lines: lines, logLevel: .trace) }
            let session = ZooKeeperSession(
                configuration: .init(connectionString: server.connectionString),
                logger: logger
            )
            let running = Task { try await session.run() }
            try await session.waitUntilConnected(timeout: .seconds(20))
            // A session that is opened later and wants to hear nothing takes no lines away.
            try await withSession(server.connectionString) { _ = try await $0.exists("/") }
            try await eventually("the library has spoken") {
                _ = try await session.exists("/")
                return lines.lines.withLock { all in all.contains { $0.text.contains("libzookeeper says") } }
            }
            await session.close()
            try await running.value
        }
        lines.lines.withLock { all in
            #expect(all.allSatisfy { $0.level <= .debug })
            #expect(all.contains { $0.text.contains("session event") && $0.level == .debug })
        }
    }
}
