//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// The main job on real parts: a file of Python's, a real ZooKeeper, unmodified ZEO clients.
@Suite struct MainJobTests {
    @Test(.timeLimit(.minutes(5)), arguments: [(zeo: "", protocol: "b'Z5'"), (zeo: "msgpack true", protocol: "b'M5'")])
    func aPythonClientFindsTheServerAndChangesAFileThatPythonMade(
        wire: (zeo: String, protocol: String)
    ) async throws {
        try await withTemporaryDirectory { directory in
            let zooKeeper = try await RealZooKeeper()
            try await runPython("registry.py", ["make", zooKeeper.connectionString, "/databases/demo"])
            let file = directory + "/Data.fs"
            try await runPython("population_file.py", ["make", file, "10000", "main-job"])

            let server = try await RunningServer.start(
                RunningServer.configuration(zeo: wire.zeo, zooKeeper: zooKeeper.connectionString),
                in: directory
            )
            var nodes: [RegisteredNode] = []
            try await eventually("the server is registered") {
                nodes = try await RegisteredNode.all(zooKeeper.connectionString, "/databases/demo")
                return !nodes.isEmpty
            }
            #expect(nodes.map(\.name) == ["127.0.0.1:\(server.port)"])
            #expect(nodes.first?.properties["pid"] == "\(server.process.pid)")
            #expect(nodes.first?.owner != "0")

            let said = try await runPython(
                "population_client.py",
                [zooKeeper.connectionString, "/databases/demo", "10000", "main-job", "1"]
            )
            #expect(said.contains("protocol \(wire.protocol)"))
            #expect(said.contains("checked 10000"))

            #expect(try await server.stop() == 0)
            #expect(try await RegisteredNode.all(zooKeeper.connectionString, "/databases/demo").isEmpty)
            let checked = try await runPython("population_file.py", ["check", file, "10000", "main-job", "1"])
            #expect(checked.contains("checked 10000"))
            try await zooKeeper.stop()
        }
    }
}
