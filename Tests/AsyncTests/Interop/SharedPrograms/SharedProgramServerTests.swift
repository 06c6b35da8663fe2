//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Testing
import ZKZEOAsync
import ZODB

/// Python and Swift change the same objects in turns, as clients of one server.
@Suite struct SharedProgramServerTests {
    @Test(.timeLimit(.minutes(30)), arguments: RunZEO.Wire.allCases)
    func turnsThroughPythonsServer(_ wire: RunZEO.Wire) async throws {
        try await withTemporaryDirectory { directory in
            let server = try await RunZEO.start(in: directory, wire)
            try await runSharedProgram(
                at: "\(server.port)",
                in: directory,
                seed: TestSeed.value + 1,
                turns: SharedProgramTests.turns / 2
            ) {
                try await ClientStorage.open(addresses: [server.address])
            }
            try await server.stop()
        }
    }

    @Test(.timeLimit(.minutes(30)), arguments: RunZEO.Wire.allCases)
    func turnsThroughOurServer(_ wire: RunZEO.Wire) async throws {
        try await withTemporaryDirectory { directory in
            let server = try await RunningServer.unregistered(wire, in: directory)
            let address = ServiceAddress(host: "127.0.0.1", port: server.port)
            try await runSharedProgram(
                at: "\(server.port)",
                in: directory,
                seed: TestSeed.value + 2,
                turns: SharedProgramTests.turns / 2
            ) {
                try await ClientStorage.open(addresses: [address])
            }
            #expect(try await server.stop() == 0)
        }
    }
}

extension RunningServer {
    /// A server of a file storage that no ZooKeeper knows.
    static func unregistered(
        _ wire: RunZEO.Wire,
        in directory: String,
        zeo: String = ""
    ) async throws -> RunningServer {
        let configuration = """
            <zeo>
              address 127.0.0.1
              msgpack \(wire == .messagePack)
              \(zeo)
            </zeo>
            <filestorage>
              path \(directory)/Data.fs
            </filestorage>
            <eventlog>
              level info
              <logfile>
                path STDERR
              </logfile>
            </eventlog>
            """
        return try await RunningServer.start(configuration, in: directory)
    }
}
