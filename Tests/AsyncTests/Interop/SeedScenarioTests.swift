//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging
import Testing
import ZKTestServer
import ZKZEOAsync
import ZODB

/// The story that zc.zkzeo's documentation tells, from start to end: a server registers itself, clients find it, it
/// goes away, and comes back somewhere else.
@Suite struct SeedScenarioTests {
    @Test(.timeLimit(.minutes(5)))
    func clientsFollowAServerThatMovesOnTheTestServer() async throws {
        try await ZKTestServer.withServer { zooKeeper in
            try await self.tell(zooKeeper.connectionString)
        }
    }

    @Test(.timeLimit(.minutes(5)))
    func clientsFollowAServerThatMovesOnDebiansZooKeeper() async throws {
        let zooKeeper = try await RealZooKeeper()
        try await self.tell(zooKeeper.connectionString)
        try await zooKeeper.stop()
    }

    private func tell(_ zooKeeper: String) async throws {
        try await withTemporaryDirectory { directory in
            try await runPython("registry.py", ["make", zooKeeper, "/databases/demo"])
            let configuration = RunningServer.configuration(zooKeeper: zooKeeper)
            let server = try await RunningServer.start(configuration, in: directory)
            let node = try await self.registeredNode(zooKeeper, server)

            // Three clients, made in three ways, with logs of their own.
            let logs = (0..<3).map { _ in LogRecorder() }
            func options(_ log: LogRecorder) -> ClientOptions {
                var options = ClientOptions()
                options.logger = log.logger
                return options
            }
            let storage = try await ZKZEO.client(zooKeeper, "/databases/demo", options: options(logs[0]))
            let ofStorage = try await Database.open(storage)
            let database = try await ZKZEO.DB(zooKeeper, "/databases/demo", options: options(logs[1]))
            let connection = try await ZKZEO.connection(zooKeeper, "/databases/demo", options: options(logs[2]))
            let storages = try [
                storage, #require(database.storage as? ClientStorage),
                #require(connection.database.storage as? ClientStorage),
            ]

            try await database.transaction { root in root["x"] = 1 }
            try await self.expect(1, ofStorage, database, connection)
            for log in logs { log.clear() }

            #expect(try await server.stop() == 0)
            try await eventually("every client is disconnected and has said so") {
                storages.allSatisfy { !$0.isConnected } && logs.allSatisfy { !$0.addressLines.isEmpty }
            }
            for log in logs {
                #expect(
                    log.addressLines.filter { $0.hasPrefix("WARNING") } == [
                        "WARNING No addresses from <\(zooKeeper)/databases/demo>"
                    ]
                )
                log.clear()
            }

            // Long enough for every pause of the clients to have grown.
            try await Task.sleep(for: .seconds(9))

            let successor = try await RunningServer.start(configuration, in: directory)
            let newNode = try await self.registeredNode(zooKeeper, successor)
            #expect(newNode.name != node.name)
            try await eventually("every client is connected again") { storages.allSatisfy(\.isConnected) }
            for log in logs {
                #expect(
                    log.addressLines == [
                        "WARNING OK: Addresses from <\(zooKeeper)/databases/demo>",
                        "INFO Addresses from <\(zooKeeper)/databases/demo>: ['\(newNode.name)']",
                    ]
                )
            }

            try await ofStorage.transaction { root in root["x"] = 2 }
            try await self.expect(2, ofStorage, database, connection)

            await connection.close()
            await database.close()
            await ofStorage.close()
            #expect(try await successor.stop() == 0)
            #expect(try await RegisteredNode.all(zooKeeper, "/databases/demo").isEmpty)
        }
    }

    /// The one node, once it is there, which has to name the server.
    private func registeredNode(_ zooKeeper: String, _ server: RunningServer) async throws -> RegisteredNode {
        var nodes: [RegisteredNode] = []
        try await eventually("the server is registered") {
            nodes = try await RegisteredNode.all(zooKeeper, "/databases/demo")
            return !nodes.isEmpty
        }
        #expect(nodes.map(\.name) == ["127.0.0.1:\(server.port)"])
        #expect(nodes[0].properties["pid"] == "\(server.process.pid)")
        return nodes[0]
    }

    /// Every client comes to see the number that one of them wrote.
    private func expect(
        _ number: Int,
        _ ofStorage: Database,
        _ database: Database,
        _ connection: Connection
    ) async throws {
        for each in [ofStorage, database] {
            try await eventually("a database sees \(number)") {
                try await each.read { root in root["x"]?.int } == number
            }
        }
        try await eventually("the connection sees \(number)") {
            try await connection.begin()
            return try await connection.root()["x"] == .int(number)
        }
    }
}
