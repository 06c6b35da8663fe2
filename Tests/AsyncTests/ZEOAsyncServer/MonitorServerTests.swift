//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing
import ZEOProtocol
import ZODBFormat

@testable import ZEOAsyncServer

/// A monitor beside a server, with real connections.
@Suite(.timeLimit(.minutes(1))) struct MonitorServerTests {
    @Test func oneQuestionIsAnsweredAndTheConnectionClosed() async throws {
        try await Self.withMonitor { _, port in
            let help = try await TextClient.ask("help quit\n", port: port)
            #expect(help.hasPrefix("Help for quit:\n\nQuit the monitor\n"))
            let unknown = try await TextClient.ask("nothing\nhelp\n", port: port)
            #expect(unknown == "Invalid command 'nothing'\nTry \"help\".\n")
        }
    }

    @Test func aQuestionMayEndWithTheInput() async throws {
        try await Self.withMonitor { _, port in
            let client = try await TextClient(port: port)
            try await client.send("storages")
            try await client.endSending()
            let answer = await client.rest()
            #expect(answer == "1 rw 0 0 0000000000000000 MappingStorage\n", "\(answer)")
        }
    }

    @Test func linesMayComeInPieces() async throws {
        try await Self.withMonitor { _, port in
            let client = try await TextClient(port: port)
            for piece in ["inter", "active\nlo", "ck\n\nqu"] { try await client.send(piece) }
            let first = await client.text(through: "exit.\n")
            #expect(first == "Interactive mode on.  Use \"quit\" To exit.\n")
            #expect(await client.text(through: "\n") == "1 free waiting 0\n")
            #expect(await client.text(through: "\n") == "1 free waiting 0\n")
            try await client.send("it\nlock\n")
            #expect(await client.rest() == "Goodbye.\n")
        }
    }

    @Test func whatClientsDoIsShown() async throws {
        try await Self.withMonitor { server, port in
            let reader = try await RawZEOClient.registered(port: server.port)
            let writer = try await RawZEOClient.registered(port: server.port)
            try await reader.send(.asynchronous(.setClientLabel("shop")))
            try await writer.store(TransactionToken(1), [(.root, .zero)], data: "record")
            try await eventually("both are shown") {
                let text = try await TextClient.ask("connections\n", port: port)
                let lines = text.split(separator: "\n").map { $0.split(separator: " ") }
                return lines.count == 2
                    && lines.contains { $0[0].hasPrefix("shop_127.0.0.1:") && $0[1...5] == ["1", "rw", "-", "0", "0"] }
                    && lines.contains {
                        $0[0].hasPrefix("127.0.0.1:") && $0[1...5] == ["1", "rw", "collecting", "1", "6"]
                    }
            }
            let status = try await TextClient.ask("status 1\n", port: port).split(separator: "\n")
            #expect(status[0] == "storage 1")
            for line in ["  connections 2", "  stores 1", "  commits 0", "  active_txns 1", "  lock_time null"] {
                #expect(status.contains(line[...]), "\(status)")
            }
            let nothing = try await TextClient.ask("status 2\n", port: port)
            #expect(nothing == "MonitorCommandError: there is no storage '2'\n\n")
        }
    }

    @Test func theHolderOfTheLockIsNamed() async throws {
        try await Self.withMonitor { server, port in
            let writer = try await RawZEOClient.registered(port: server.port)
            try await writer.store(TransactionToken(1), [(.root, .zero)])
            _ = try await writer.call(.vote(TransactionToken(1)))
            try await eventually("the lock is held") {
                let lines = try await TextClient.ask("lock\n", port: port).split(separator: "\n")
                return lines.count == 2 && lines[0].hasPrefix("1 held ") && lines[0].hasSuffix(" waiting 0")
                    && lines[1].hasPrefix("  locked 127.0.0.1:")
            }
        }
    }

    @Test func aLineWithoutEndIsNotCollected() async throws {
        try await Self.withMonitor { _, port in
            let client = try await TextClient(port: port)
            let flood = String(repeating: "x", count: 4000)
            for _ in 0..<50 { try? await client.send(flood) }
            let answer = await client.rest()
            #expect(answer == "Line too long\n" || answer.isEmpty)
        }
    }

    /// Each answer must not be given from within the one before.
    @Test func manyLinesAtOnceAreAnsweredOneAfterTheOther() async throws {
        try await Self.withMonitor { _, port in
            let client = try await TextClient(port: port)
            try await client.send(
                "interactive\nno-such-command\n" + String(repeating: "\n", count: 20_000) + "quit\n"
            )
            #expect(await client.rest().split(separator: "\n").count > 20_000)
        }
    }

    @Test func clientsBeyondTheLimitAreTurnedAwayAndOthersServed() async throws {
        try await Self.withMonitor { _, port in
            var silent: [TextClient] = []
            for _ in 0..<MonitorServer.maximumConnections { silent.append(try await TextClient(port: port)) }
            // Whether one is admitted is only known once it is served.
            for client in silent {
                try await client.send("interactive\n")
                _ = await client.text(through: "\n")
            }
            let nothing = try await TextClient(port: port).rest()
            #expect(nothing.isEmpty)
            silent.removeLast()
            try await eventually("there is room again") {
                let client = try await TextClient(port: port)
                try? await client.send("lock\n")
                return await client.rest().contains("free")
            }
        }
    }

    @Test func aClientThatSaysNothingIsCutOff() async throws {
        try await Self.withMonitor(patience: .milliseconds(100)) { _, port in
            for beginning in ["", "stat", "interactive\n"] {
                let client = try await TextClient(port: port)
                // It may be cut off before it has said that much.
                try? await client.send(beginning)
                let answer = await client.rest()
                #expect(answer.isEmpty || answer.hasPrefix("Interactive"))
            }
        }
    }

    @Test func aUnixSocketIsRemovedInTheEnd() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/monitor.sock"
            try await Self.withMonitor(at: .unixDomainSocket(path: path)) { _, _ in
                let lock = try await TextClient.ask("lock\n", path: path)
                #expect(lock == "1 free waiting 0\n")
            }
            await #expect(throws: (any Error).self) { try await TextClient(path: path) }
        }
    }

    @Test func anAddressThatIsTakenIsAnError() async throws {
        try await Self.withMonitor { server, _ in
            let monitor = MonitorServer(address: .hostname("127.0.0.1", port: server.port), commands: [])
            await #expect(throws: ZEOServerError.self) { try await monitor.run() }
            await #expect(throws: ZEOServerError.self) { try await monitor.waitUntilListening() }
        }
    }

    private static func withMonitor(
        at address: ZEOServerConfiguration.Address = .hostname("127.0.0.1", port: 0),
        patience: TimeAmount? = nil,
        _ body: (ZEOServerUnderTest, Int) async throws -> Void
    ) async throws {
        try await withZEOServer { server in
            var monitor = MonitorServer(address: address, commands: server.server.monitorCommands)
            if let patience { monitor.patience = patience }
            let running = Task { [monitor] in try await monitor.run() }
            let result: Result<Void, any Error>
            do {
                result = .success(try await body(server, monitor.waitUntilListening().port ?? 0))
            } catch {
                result = .failure(error)
            }
            running.cancel()
            try await running.value
            return try result.get()
        }
    }
}
