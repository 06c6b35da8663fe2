//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import ZKTestServer
import ZKZEOAsync

@testable import zkrunzeo

/// `zkrunzeo tree`, `watch` and `status`, and the HTTP listener of a server in a process of its own.
@Suite(.timeLimit(.minutes(1))) struct OperatorCommandTests {
    @Test func theTreeIsPrintedAsZcZkPrintsIt() async throws {
        try await withRegistry { zooKeeper in
            try await withTemporaryDirectory { directory in
                try await withSession(zooKeeper.connectionString) { session in
                    let properties: NodeProperties = [
                        "type": "cms", "name": "it's é", "threads": 4, "main ->": "/databases/demo", "on": true,
                    ]
                    try await session.create("/databases/site", data: properties.data)
                    try await session.create("/databases/site/plain", data: Array("hello".utf8))
                    try await session.create(
                        "/databases/demo/127.0.0.1:1",
                        data: Array("{\"pid\": 7}".utf8),
                        mode: .ephemeral
                    )
                    let connection = zooKeeper.connectionString
                    let tree = try zkrunzeo(["tree", connection, "/databases"], in: directory)
                    try await expectEnd(of: tree, status: 0)
                    #expect(
                        tree.output == """
                            /databases
                              /demo
                                /127.0.0.1:1
                                  pid = 7
                              /site : cms
                                name = u"it's \\xe9"
                                on = True
                                threads = 4
                                main -> /databases/demo
                                /plain
                                  string_value = u'hello'
                            """
                    )
                    #expect(await zooKeeper.printTree() == tree.output + "\n")
                    let permanent = try zkrunzeo(["tree", connection, "/databases/demo", "--permanent"], in: directory)
                    try await expectEnd(of: permanent, status: 0)
                    #expect(permanent.output == "/demo")
                }
                let missing = try zkrunzeo(["tree", zooKeeper.connectionString, "/nothing"], in: directory)
                try await expectEnd(of: missing, status: 69, saying: "the path /nothing does not exist in ZooKeeper")
            }
        }
    }

    @Test func aSetOfAddressesIsFollowed() async throws {
        try await withRegistry { zooKeeper in
            try await withTemporaryDirectory { directory in
                let watch = try zkrunzeo(["watch", zooKeeper.connectionString, "/databases/demo"], in: directory)
                try await watch.line(containing: "no servers")
                try await withSession(zooKeeper.connectionString) { session in
                    try await session.create("/databases/demo/10.0.0.1:8100", data: nil)
                    try await watch.line(containing: " + 10.0.0.1:8100")
                    try await session.delete("/databases/demo/10.0.0.1:8100")
                    try await watch.line(containing: " - 10.0.0.1:8100")
                }
                watch.signal(SIGINT)
                try await expectEnd(of: watch, status: 0)
            }
        }
    }

    @Test func statusShowsServersByAddressAndByPath() async throws {
        try await withRegistry { zooKeeper in
            try await withTemporaryDirectory { directory in
                let configuration = RunningServer.configuration(
                    zeo: "metrics-server 127.0.0.1:0",
                    zooKeeper: zooKeeper.connectionString
                )
                let server = try await RunningServer.start(configuration, in: directory)
                let address = "127.0.0.1:\(server.port)"
                try await zooKeeper.waitForRegistered([address])
                // A client that opens an empty storage makes its root.
                try await expectServing(port: server.port)
                for target in [[address], [zooKeeper.connectionString, "/databases/demo"]] {
                    let table = try zkrunzeo(["status"] + target, in: directory)
                    try await expectEnd(of: table, status: 0, saying: "last transaction", address)
                    let json = try zkrunzeo(["status", "--json"] + target, in: directory)
                    try await expectEnd(of: json, status: 0)
                    let object = try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any]
                    let storages = try #require(object?[address] as? [String: [String: Any]])
                    #expect(storages["1"]?["commits"] as? Int == 2)
                }
                let line = try await server.process.line(containing: "The metrics server listens")
                let port = try #require(line.split(separator: ":").last.flatMap { Int($0) })
                try await eventually("the server is ready") {
                    try await TextClient.ask("GET /readyz HTTP/1.0\r\n\r\n", port: port).hasSuffix("ready\n")
                }
                let metrics = try await TextClient.ask("GET /metrics HTTP/1.0\r\n\r\n", port: port)
                #expect(metrics.contains("\nzeo_commits_total{storage=\"1\"} 2\n"))
                #expect(metrics.contains("\nzeo_sync_duration_seconds_count{storage=\"1\"} "))
                #expect(try await server.stop() == 0, "\(server.process.output)")
                let gone = try zkrunzeo(["status", address], in: directory)
                try await expectEnd(of: gone, status: 69, saying: "\(address) does not answer: [Errno 111]")
                let nobody = try zkrunzeo(["status", zooKeeper.connectionString, "/databases/demo"], in: directory)
                try await expectEnd(of: nobody, status: 69, saying: "no server is registered at /databases/demo")
            }
        }
    }

    @Test func aTableOfRatesComparesWithTheOneBefore() {
        let (start, address) = (Date(timeIntervalSince1970: 1000), "127.0.0.1:8100")
        func answer(_ loads: Int64) -> [StatusTable.Answer] {
            let numbers: ServerHealth.Numbers = [
                "loads": .integer(loads), "stores": 0, "commits": 0, "aborts": 0, "conflicts": 0, "connections": 3,
                "active_txns": 0, "waiting": 0, "lock_time": .double(990), "last-transaction": "03f1",
            ]
            return [.init(address: address, health: .success(ServerHealth(storages: ["1": numbers])))]
        }
        let first = StatusTable(answer(10), at: start)
        let second = StatusTable(answer(30), since: first.counters, at: start + 4)
        #expect(
            second.text == """
                server          storage  clients  active  waiting    lock  loads/s  stores/s  commits/s  aborts/s  conflicts/s  last transaction
                127.0.0.1:8100  1              3       0        0  14.0 s      5.0       0.0        0.0       0.0          0.0  03f1

                """
        )
    }
}
