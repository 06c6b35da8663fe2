//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import NIOPosix
import Testing
import ZKTestServer
import ZKZEOAsync
import ZODB
import ZODBStorage

/// Servers in processes of their own: what they serve, and how they stop.
@Suite(.timeLimit(.minutes(1))) struct ServeTests {
    @Test func thePIDFileIsThereWhileTheServerRuns() async throws {
        try await withTemporaryDirectory { directory in
            let server = try await RunningServer.start(
                ExitStatusTests.unregistered("127.0.0.1", "pid-filename zeo.pid"),
                in: directory
            )
            let path = directory + "/zeo.pid"
            #expect(try String(contentsOfFile: path, encoding: .utf8) == "\(server.process.pid)\n")
            #expect(try await server.stop() == 0)
            #expect(!FileManager.default.fileExists(atPath: path))
        }
    }

    @Test func aUnixSocketIsServedAndNotRegistered() async throws {
        try await withRegistry { zooKeeper in
            try await withTemporaryDirectory { directory in
                let socket = directory + "/zeo.sock"
                let process = try zkrunzeo(
                    configuration: RunningServer.configuration(
                        address: socket,
                        zooKeeper: zooKeeper.connectionString
                    ),
                    in: directory
                )
                try await process.line(containing: "listening on \(socket)")
                #expect(
                    process.lines.contains { $0.contains("WARNING") && $0.contains("unix socket is not registered") }
                )
                let said = try await greeting { try await $0.connect(unixDomainSocketPath: socket).get() }
                #expect(said == [0, 0, 0, 2] + Array("Z5".utf8))
                #expect(try await zooKeeper.registered().isEmpty)
                process.signal(SIGTERM)
                #expect(try await process.exitStatus() == 0)
                #expect(!FileManager.default.fileExists(atPath: socket))
            }
        }
    }

    @Test(arguments: ["", "<zookeeper>\n</zookeeper>\n"])
    func withoutAPathInZooKeeperTheServerServesUnregistered(_ section: String) async throws {
        try await withTemporaryDirectory { directory in
            let server = try await RunningServer.start(
                section + ExitStatusTests.unregistered("127.0.0.1"),
                in: directory
            )
            try await expectServing(port: server.port)
            #expect(try await server.stop() == 0)
        }
    }

    @Test func anAddressAndAFileAreEnough() async throws {
        try await withTemporaryDirectory { directory in
            let port = try freePort()
            let process = try zkrunzeo(["-a", "127.0.0.1:\(port)", "-f", "Data.fs"], in: directory)
            try await process.line(containing: "listening on ('127.0.0.1', \(port))")
            try await expectServing(port: port)
            process.signal(SIGINT)
            #expect(try await process.exitStatus() == 0)
        }
    }

    @Test func oneServerHasSeveralStorages() async throws {
        try await withTemporaryDirectory { directory in
            let server = try await RunningServer.start(
                ExitStatusTests.unregistered("127.0.0.1") + "<filestorage other>\npath Other.fs\n</filestorage>\n",
                in: directory
            )
            try await expectServing(port: server.port, storage: "1", value: 1)
            try await expectServing(port: server.port, storage: "other", value: 2)
            try await expectServing(port: server.port, storage: "1", value: 3)
            #expect(try await server.stop() == 0)
        }
    }

    @Test func theNodeIsGoneBeforeThePortIs() async throws {
        try await withRegistry { zooKeeper in
            try await withTemporaryDirectory { directory in
                let server = try await RunningServer.start(
                    RunningServer.configuration(zooKeeper: zooKeeper.connectionString),
                    in: directory
                )
                let name = "127.0.0.1:\(server.port)"
                try await zooKeeper.waitForRegistered([name])
                // The server learns only later that its node is gone.
                await zooKeeper.delayReplies(by: .seconds(2))
                server.process.signal(SIGTERM)
                try await eventually("the node is gone") { await !zooKeeper.printTree().contains(name) }
                let said = try await greeting { try await $0.connect(host: "127.0.0.1", port: server.port).get() }
                #expect(said == [0, 0, 0, 2] + Array("Z5".utf8))
                #expect(try await server.process.exitStatus() == 0)
            }
        }
    }

    @Test func aStoppedServerLeavesWholeTransactionsAndAFreePort() async throws {
        try await withRegistry { zooKeeper in
            try await withTemporaryDirectory { directory in
                let port = try freePort()
                let configuration = RunningServer.configuration(
                    address: "127.0.0.1:\(port)",
                    zooKeeper: zooKeeper.connectionString
                )
                let server = try await RunningServer.start(configuration, in: directory)
                try await zooKeeper.waitForRegistered(["127.0.0.1:\(port)"])

                let address = ServiceAddress(host: "127.0.0.1", port: port)
                var options = ClientOptions()
                options.waitTimeout = .seconds(2)
                let database = try await Database.open(ClientStorage.open(addresses: [address], options: options))
                try await database.transaction { root in root["other"] = .object(PersistentMapping()) }
                var committed = 0
                do {
                    while true {
                        let next = committed + 1
                        try await database.transaction(attempts: 1) { root in
                            let other = try #require(try await root.mapping("other"))
                            root["count"] = .int(next)
                            other["count"] = .int(next)
                        }
                        committed = next
                        // In the middle of all this.
                        if committed == 20 { server.process.signal(SIGTERM) }
                    }
                } catch is StorageError {
                    // The server is gone.
                }
                #expect(committed >= 20)
                #expect(try await server.process.exitStatus() == 0)
                #expect(try await zooKeeper.registered().isEmpty)
                await database.close()

                let successor = try await RunningServer.start(configuration, in: directory)
                #expect(successor.port == port)
                let reopened = try await Database.open(ClientStorage.open(addresses: [address]))
                let counts = try await reopened.read { root in
                    [root["count"]?.int, try await root.mapping("other")?["count"]?.int]
                }
                #expect(counts == [committed, committed] || counts == [committed + 1, committed + 1])
                await reopened.close()
                #expect(try await successor.stop() == 0)
            }
        }
    }
}
