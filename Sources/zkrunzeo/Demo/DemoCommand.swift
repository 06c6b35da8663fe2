//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import Logging
import ServiceLifecycle
import ZEOAsyncServer
import ZKTestServer
import ZKZEOAsync
import ZODBStorage

/// `zkrunzeo demo`: everything on this machine, with nothing to set up.
struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Try it: a ZooKeeper in the process, a server, and how to connect to it.",
        discussion: """
            Starts a ZooKeeper server on the loopback interface, serves the file DIRECTORY/Data.fs, registers the server \
            at /databases/demo, and runs until Ctrl-C.

            \(StopReason.table)
            """
    )

    /// Where the server registers.
    static let path = "/databases/demo"

    @Option(help: ArgumentHelp("Where the storage file lies. Made if it is not there.", valueName: "directory"))
    var directory = "demo"

    @Option(help: ArgumentHelp("The port of the ZooKeeper server; 0 lets the system choose.", valueName: "port"))
    var zookeeperPort = 2181

    func run() async throws {
        try await withExitStatus {
            let file = try self.prepareDirectory()
            let log = EventLog(level: .warning, format: EventLog.plainFormat)
            let zooKeeper = try await self.startZooKeeper(log)
            do {
                try await self.serve(file, zooKeeper, log)
            } catch {
                try? await zooKeeper.shutdown()
                throw error
            }
            try? await zooKeeper.shutdown()
        }
    }

    private func prepareDirectory() throws -> String {
        do {
            try FileManager.default.createDirectory(atPath: self.directory, withIntermediateDirectories: true)
        } catch {
            throw StopReason(
                .file,
                "cannot make the folder \(self.directory): \(error.systemReason). "
                    + "Choose another one with --directory"
            )
        }
        guard FileManager.default.isWritableFile(atPath: self.directory) else {
            throw StopReason(
                .file,
                "the folder \(self.directory) cannot be written to. Choose another one with --directory"
            )
        }
        return self.directory + "/Data.fs"
    }

    private func startZooKeeper(_ log: EventLog) async throws -> ZKTestServer {
        do {
            return try await ZKTestServer.start(
                ZKTestServer.Configuration(port: self.zookeeperPort),
                logger: log.logger("ZKTestServer")
            )
        } catch {
            throw StopReason(
                .address,
                "the demo's ZooKeeper cannot listen at 127.0.0.1:\(self.zookeeperPort) (\(error)). Is another demo or a "
                    + "ZooKeeper running there? Choose another port with --zookeeper-port"
            )
        }
    }

    private func serve(_ file: String, _ zooKeeper: ZKTestServer, _ log: EventLog) async throws {
        let configuration = RunConfiguration(
            server: ZEOServerConfiguration(address: .hostname("127.0.0.1", port: 0)),
            storages: [
                RunConfiguration.NamedStorage(name: "1", file: file, kind: "FileStorage") {
                    try await FileStorage.open(.init(path: file, logger: log.logger("ZODB.FileStorage")))
                }
            ],
            zooKeeper: RunConfiguration.ZooKeeper(connection: zooKeeper.connectionString, path: Self.path),
            log: log
        )
        let session = ZooKeeperSession(
            configuration: .init(connectionString: zooKeeper.connectionString),
            logger: log.quietLogger("zookeeper")
        )
        let guide = DemoGuide(
            zooKeeper: zooKeeper,
            session: session,
            path: Self.path,
            file: file,
            logger: log.quietLogger("zkrunzeo.demo")
        )
        try await self.createPath(zooKeeper, log)
        try await Assembly(configuration).run(with: [session, guide])
        DemoGuide.say("\nThe server has taken itself out of ZooKeeper:\n")
        DemoGuide.say(await zooKeeper.printTree("/databases"))
    }

    /// Only the demo does this: elsewhere it is the operator who decides where servers register.
    private func createPath(_ zooKeeper: ZKTestServer, _ log: EventLog) async throws {
        let session = ZooKeeperSession(
            configuration: .init(connectionString: zooKeeper.connectionString),
            logger: log.quietLogger("zookeeper")
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await session.run() }
            _ = try await session.waitUntilConnected(timeout: .seconds(10))
            try await session.ensurePath(Self.path)
            await session.close()
            try await group.waitForAll()
        }
    }
}
