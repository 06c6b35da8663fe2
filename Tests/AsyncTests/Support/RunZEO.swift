//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import ZKZEOAsync

/// Python's `runzeo` with a file storage, in a process of its own.
struct RunZEO {
    /// How the server writes messages: `Z5` or `M5`.
    enum Wire: String, CaseIterable, Sendable, CustomTestStringConvertible {
        case pickle = "Z5"
        case messagePack = "M5"

        var testDescription: String { self.rawValue }
    }

    let process: ChildProcess
    let port: Int

    var address: ServiceAddress { ServiceAddress(host: "127.0.0.1", port: self.port) }

    /// Starts a server for `Data.fs` in `directory`, and waits until it serves.
    ///
    /// - Parameters:
    ///   - port: Where it listens; a free port by default.
    ///   - options: More lines of the `<zeo>` section.
    ///   - storage: More lines of the `<filestorage>` section.
    static func start(
        in directory: String,
        _ wire: Wire = .pickle,
        port: Int? = nil,
        options: String = "",
        storage: String = ""
    ) async throws -> RunZEO {
        let port = try port ?? freePort()
        let configuration = """
            <zeo>
              address 127.0.0.1:\(port)
              \(options)
            </zeo>
            <filestorage>
              path \(directory)/Data.fs
              \(storage)
            </filestorage>
            <eventlog>
              level info
              <logfile>
                path STDERR
              </logfile>
            </eventlog>
            """
        let path = directory + "/runzeo-\(port).conf"
        try configuration.write(toFile: path, atomically: true, encoding: .utf8)
        let process = try ChildProcess(
            TestPaths.runzeo,
            ["-C", path],
            environment: wire == .messagePack ? ["ZEO_MSGPACK": "1"] : [:],
            directory: directory
        )
        try await process.line(containing: "listening on")
        return RunZEO(process: process, port: port)
    }

    /// Ends it, and waits until it is gone.
    ///
    /// Not by SIGTERM, which runzeo may miss: its handler raises `SystemExit`, and when that happens within a callback of a
    /// connection, asyncio takes it for a fault of the connection.
    func stop() async throws {
        self.process.signal(SIGKILL)
        try await self.process.exitStatus()
    }
}
