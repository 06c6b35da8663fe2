//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A `zkrunzeo` in a process of its own.
struct RunningServer {
    let process: ChildProcess
    /// The port that it listens at.
    let port: Int

    /// Starts `zkrunzeo -C` with `configuration` in `directory` and waits until it listens; `prefix` comes before the
    /// command.
    static func start(
        _ configuration: String,
        in directory: String,
        environment: [String: String] = [:],
        prefix: [String] = []
    ) async throws -> RunningServer {
        let path = directory + "/zeo.conf"
        try configuration.write(toFile: path, atomically: true, encoding: .utf8)
        let process = try ChildProcess(
            "/usr/bin/env",
            prefix + [TestPaths.zkrunzeo, "-C", path],
            environment: environment,
            directory: directory
        )
        // As Python's server says it: listening on ('127.0.0.1', 8100)
        let line = try await process.line(containing: "listening on")
        guard let port = line.split(separator: " ").last.flatMap({ Int($0.dropLast()) }) else {
            throw ChildProcess.Failure(description: "no port in '\(line)'")
        }
        return RunningServer(process: process, port: port)
    }

    /// Stops it as an operator would, and returns its exit status.
    func stop() async throws -> Int32 {
        self.process.signal(SIGTERM)
        return try await self.process.exitStatus()
    }

    /// A configuration with a file storage in `Data.fs`, registered at `/databases/demo`.
    static func configuration(
        address: String = "127.0.0.1",
        zeo: String = "",
        zooKeeper: String,
        sessionTimeout: Int = 10000
    ) -> String {
        """
        <zeo>
          address \(address)
          \(zeo)
        </zeo>
        <zookeeper>
          connection \(zooKeeper)
          path /databases/demo
          session-timeout \(sessionTimeout)
        </zookeeper>
        <filestorage>
          path Data.fs
        </filestorage>
        <eventlog>
          level debug
          <logfile>
            path STDERR
          </logfile>
        </eventlog>
        """
    }
}

/// A server's node in ZooKeeper, as kazoo sees it.
struct RegisteredNode {
    var name: String
    var owner: String
    var properties: [String: String]

    /// The children of `path`.
    static func all(_ zooKeeper: String, _ path: String) async throws -> [RegisteredNode] {
        try await runPython("registry.py", ["show", zooKeeper, path]).split(separator: "\n").map { line in
            let parts = line.split(separator: " ", maxSplits: 2)
            let object = try JSONSerialization.jsonObject(with: Data(parts[2].utf8)) as? [String: Any] ?? [:]
            return RegisteredNode(
                name: String(parts[0]),
                owner: String(parts[1]),
                properties: object.mapValues { "\($0)" }
            )
        }
    }
}
