//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import ServiceLifecycle
import Testing
import ZEOAsyncServer
import ZKTestServer
import ZKZEOAsync
import ZODB
import ZODBStorage

/// What the README shows, run: an embedded server that registers itself, a watcher, and the ten lines.
@Suite struct READMEExamplesTests {
    @Test(.timeLimit(.minutes(2)))
    func theExamplesDoWhatTheREADMESays() async throws {
        var logger = Logger(label: "readme")
        logger.logLevel = .critical
        try await withTemporaryDirectory { directory in
            try await ZKTestServer.withServer { zooKeeper in
                let session = ZooKeeperSession(
                    configuration: .init(connectionString: zooKeeper.connectionString),
                    logger: logger
                )
                let watcher = AddressWatcher(session: session, path: "/databases/demo", logger: logger)
                let storage = try await FileStorage.open(FileStorageConfiguration(path: directory + "/Data.fs"))
                let server = ZEOServer(
                    configuration: ZEOServerConfiguration(address: .hostname("127.0.0.1", port: 0)),
                    storages: [("1", storage)],
                    logger: logger
                )
                let group = ServiceGroup(services: [session, server, watcher], logger: logger)
                try await withThrowingTaskGroup(of: Void.self) { tasks in
                    tasks.addTask { try await group.run() }
                    try await session.waitUntilConnected(timeout: .seconds(20))
                    try await session.ensurePath("/databases/demo")
                    let port = try #require(try await server.waitUntilListening().first?.port)
                    let name = ServiceAddress(host: "127.0.0.1", port: port).description
                    let lease = RegistrationLease(
                        session: session,
                        path: "/databases/demo",
                        nodes: [Registration(name: name, holdsSocket: true)],
                        logger: logger
                    )
                    tasks.addTask { try await lease.run() }
                    for await set in watcher.addresses where !set.addresses.isEmpty {
                        #expect(set.addresses.map(\.description) == [name])
                        break
                    }

                    for visit in 1...2 {
                        let connection = try await ZKZEO.connection(zooKeeper.connectionString, "/databases/demo")
                        try await connection.transaction { root in
                            let visits = root["visits"]?.int ?? 0
                            root["visits"] = .int(visits + 1)
                        }
                        #expect(try await connection.root()["visits"] == .int(visit))
                        await connection.close()
                    }

                    lease.close()
                    await group.triggerGracefulShutdown()
                    try await tasks.waitForAll()
                }
                try await storage.close()
            }
        }
    }
}
