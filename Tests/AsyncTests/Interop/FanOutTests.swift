//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import ZKTestServer
import ZKZEOAsync
import ZODB
import ZODBFormat
import ZODBStorage

/// A `zkrunzeo` that serves another server's storage, so that Python applications, for whom zc.zkzeo is dead, follow the
/// registry through a unix socket.
@Suite(.timeLimit(.minutes(1))) struct FanOutTests {
    private static let source = """
        <zeo>
          address 127.0.0.1
        </zeo>
        <zookeeper>
          connection ZOOKEEPER
          path /databases/demo
        </zookeeper>
        <filestorage>
          path Data.fs
          blob-dir blobs
        </filestorage>
        """

    private func source(_ zooKeeper: ZKTestServer, in directory: String) async throws -> RunningServer {
        let configuration = Self.source.replacing("ZOOKEEPER", with: zooKeeper.connectionString)
        return try await RunningServer.start(configuration, in: directory)
    }

    /// Starts a server at `DIRECTORY/NAME.sock` with this storage section.
    private func fanOut(_ name: String, _ section: String, in directory: String) async throws -> ChildProcess {
        let configuration = """
            %import zc.zkzeo
            <zeo>
              address \(directory)/\(name).sock
            </zeo>
            \(section)
            """
        let file = "\(name).conf"
        try configuration.write(toFile: directory + "/" + file, atomically: true, encoding: .utf8)
        let process = try zkrunzeo(["-C", file], in: directory)
        try await process.line(containing: "listening on")
        return process
    }

    private func end(_ process: ChildProcess) async throws {
        process.signal(SIGTERM)
        #expect(try await process.exitStatus() == 0, "\(process.output)")
    }

    private func zkZEOClient(_ zooKeeper: ZKTestServer) -> String {
        "<zkzeoclient>\nzookeeper \(zooKeeper.connectionString)\nserver /databases/demo\n</zkzeoclient>"
    }

    @Test func pythonFollowsTheRegistryThroughAUnixSocket() async throws {
        try await withRegistry { zooKeeper in
            try await withTemporaryDirectory { directory in
                let first = try await self.source(zooKeeper, in: directory)
                let fanOut = try await self.fanOut("local", self.zkZEOClient(zooKeeper), in: directory)
                let python = try runningPython("fan_out.py", [directory + "/local.sock", "follow"])
                try await python.line(containing: "value None")

                try await runPython("fan_out.py", [directory + "/local.sock", "set", "one"])
                try await python.line(containing: "value one")
                #expect(try await self.value(zooKeeper) == "one")

                // The server moves to another port; nobody tells Python.
                #expect(try await first.stop() == 0)
                let second = try await self.source(zooKeeper, in: directory)
                #expect(second.port != first.port)
                try await ZKZEO.withDB(zooKeeper.connectionString, "/databases/demo") { database in
                    try await database.transaction { root in root["value"] = "two" }
                }
                try await python.line(containing: "value two")
                try await runPython("fan_out.py", [directory + "/local.sock", "set", "three"])
                try await python.line(containing: "value three")

                python.signal(SIGKILL)
                try await self.end(fanOut)
                #expect(try await second.stop() == 0)
            }
        }
    }

    @Test func writersBehindSeveralServersDoNotLoseWhatOthersWrite() async throws {
        try await withRegistry { zooKeeper in
            try await withTemporaryDirectory { directory in
                let source = try await self.source(zooKeeper, in: directory)
                let first = try await self.fanOut("first", self.zkZEOClient(zooKeeper), in: directory)
                let direct = "<clientstorage>\nserver \(source.port)\n</clientstorage>"
                let second = try await self.fanOut("second", direct, in: directory)
                try await runPython("fan_out.py", [directory + "/first.sock", "count", "1"])
                async let one = runPython("fan_out.py", [directory + "/first.sock", "count", "40"])
                async let two = runPython("fan_out.py", [directory + "/second.sock", "count", "40"])
                _ = try await (one, two)
                let database = try await ZKZEO.DB(zooKeeper.connectionString, "/databases/demo")
                #expect(try await database.read { root in root["up"]?.int } == 81)
                #expect(try await database.read { root in root["down"]?.int } == -81)
                await database.close()
                try await self.end(first)
                try await self.end(second)
                #expect(try await source.stop() == 0)
            }
        }
    }

    private func value(_ zooKeeper: ZKTestServer) async throws -> String? {
        try await ZKZEO.withDB(zooKeeper.connectionString, "/databases/demo") { database in
            try await database.read { root in root["value"]?.string }
        }
    }
}

/// Starts a script of Interop/Python in a process of its own.
private func runningPython(_ script: String, _ arguments: [String]) throws -> ChildProcess {
    try ChildProcess(TestPaths.python, [TestPaths.interop + "/" + script] + arguments)
}
