//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import ZKTestServer

/// `monitor-server` of a server in a process of its own.
@Suite(.timeLimit(.minutes(1))) struct ServeMonitorTests {
    @Test func theMonitorIsNamedInZooKeeperAndKnowsWhatIsRegistered() async throws {
        try await withRegistry { zooKeeper in
            try await withTemporaryDirectory { directory in
                let server = try await RunningServer.start(
                    Self.configuration(zooKeeper, monitor: "127.0.0.1"),
                    in: directory
                )
                let name = "127.0.0.1:\(server.port)"
                try await zooKeeper.waitForRegistered([name])
                let node = try await RegisteredNode.all(zooKeeper.connectionString, "/databases/demo")[0]
                let monitor = try #require(node.properties["monitor"])
                #expect(monitor.hasPrefix("127.0.0.1:"))
                let port = try #require(Int(monitor.dropFirst("127.0.0.1:".count)))
                #expect(try await TextClient.ask("servers /databases/demo\n", port: port) == name + "\n")
                #expect(try await TextClient.ask("servers /databases/other\n", port: port) == "\n")
                let list = try JSONSerialization.jsonObject(
                    with: Data(try await TextClient.ask("servers\n", port: port).utf8)
                )
                let servers = try #require(list as? [[String: Any]])
                #expect(servers.count == 1)
                #expect(servers[0]["address"] as? String == name)
                #expect(servers[0]["path"] as? String == "/databases/demo")
                #expect(servers[0]["monitor"] as? String == monitor)
                #expect(servers[0]["pid"] as? Int == Int(server.process.pid))
                #expect(try await TextClient.ask("help\n", port: port).contains("  status -- "))
                #expect(try await server.stop() == 0, "\(server.process.output)")
                await #expect(throws: (any Error).self) { try await TextClient(port: port) }
            }
        }
    }

    @Test func aUnixSocketIsNotNamedInZooKeeper() async throws {
        try await withRegistry { zooKeeper in
            try await withTemporaryDirectory { directory in
                let server = try await RunningServer.start(
                    Self.configuration(zooKeeper, monitor: "./monitor.sock"),
                    in: directory
                )
                let name = "127.0.0.1:\(server.port)"
                try await zooKeeper.waitForRegistered([name])
                let node = try await RegisteredNode.all(zooKeeper.connectionString, "/databases/demo")[0]
                #expect(node.properties["monitor"] == nil)
                let path = directory + "/monitor.sock"
                #expect(try await TextClient.ask("servers /databases/demo\n", path: path) == name + "\n")
                #expect(try await server.stop() == 0, "\(server.process.output)")
                #expect(!FileManager.default.fileExists(atPath: path))
            }
        }
    }

    @Test func aMonitorWhoseAddressIsTakenKeepsNobodyFromServing() async throws {
        try await withRegistry { zooKeeper in
            try await withTemporaryDirectory { directory in
                let port = try #require(zooKeeper.connectionString.split(separator: ":").last)
                let server = try await RunningServer.start(
                    Self.configuration(zooKeeper, monitor: "127.0.0.1:\(port)"),
                    in: directory
                )
                try await server.process.line(
                    containing: "The monitor server does not run, because its address is taken"
                )
                try await zooKeeper.waitForRegistered(["127.0.0.1:\(server.port)"])
                let node = try await RegisteredNode.all(zooKeeper.connectionString, "/databases/demo")[0]
                #expect(node.properties["monitor"] == nil)
                #expect(try await server.stop() == 0, "\(server.process.output)")
            }
        }
    }

    static func configuration(_ zooKeeper: ZKTestServer, monitor: String) -> String {
        RunningServer.configuration(zooKeeper: zooKeeper.connectionString)
            .replacing("<zookeeper>", with: "<zookeeper>\n  monitor-server \(monitor)")
    }
}
