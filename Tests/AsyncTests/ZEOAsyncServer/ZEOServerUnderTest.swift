//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import Synchronization
import Testing
import ZEOAsyncServer
import ZODBStorage

/// The lines that a server has logged.
final class ServerLogLines: Sendable {
    private let lines = Mutex<[(level: Logger.Level, text: String)]>([])

    func append(_ level: Logger.Level, _ text: String) {
        self.lines.withLock { $0.append((level, text)) }
    }

    func contains(_ text: String, at level: Logger.Level? = nil) -> Bool {
        self.lines.withLock { $0.contains { $0.text.contains(text) && (level == nil || $0.level == level) } }
    }

    func count(of text: String) -> Int {
        self.lines.withLock { $0.count { $0.text.contains(text) } }
    }

    var all: String { self.lines.withLock { $0.map { "\($0.level) \($0.text)" }.joined(separator: "\n") } }

    func makeLogger() -> Logger {
        Logger(label: "ZEO.StorageServer") { _ in Handler(lines: self) }
    }

    private struct Handler: LogHandler {
        let lines: ServerLogLines
        var logLevel = Logger.Level.trace
        var metadata: Logger.Metadata = [:]

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { self.metadata[key] }
            set { self.metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            self.lines.append(event.level, "\(event.message)")
        }
    }
}

/// A server in this process, while a test uses it.
struct ZEOServerUnderTest: Sendable {
    let server: ZEOServer
    let address: SocketAddress
    let log: ServerLogLines

    var port: Int { self.address.port ?? 0 }
}

/// Runs a server on the loopback interface around `body`, and expects it to end in good order.
func withZEOServer<Result>(
    of storages: [(name: String, storage: any Storage)]? = nil,
    isolation: isolated (any Actor)? = #isolation,
    _ configure: (inout ZEOServerConfiguration) -> Void = { _ in },
    _ body: (ZEOServerUnderTest) async throws -> Result
) async throws -> Result {
    var configuration = ZEOServerConfiguration(address: .hostname("127.0.0.1", port: 0))
    configuration.eventLoopCount = 2
    configure(&configuration)
    let log = ServerLogLines()
    let server = ZEOServer(
        configuration: configuration,
        storages: storages ?? [("1", MappingStorage())],
        logger: log.makeLogger()
    )
    let running = Task { try await server.run() }
    let result: Swift.Result<Result, any Error>
    do {
        let addresses = try await server.waitUntilListening()
        result = .success(try await body(ZEOServerUnderTest(server: server, address: addresses[0], log: log)))
    } catch {
        result = .failure(error)
    }
    server.shutDownGracefully()
    try await running.value
    return try result.get()
}

/// `#expect(value == expected)` for values that a mutating function returned, which the macro cannot take.
func expect<Value: Equatable>(_ value: Value, _ expected: Value, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(value == expected, sourceLocation: sourceLocation)
}
