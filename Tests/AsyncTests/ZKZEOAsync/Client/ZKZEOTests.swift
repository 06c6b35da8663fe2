//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import Testing
import ZKTestServer
import ZODB
import ZODBFormat
import ZODBStorage

@testable import ZKZEOAsync

/// Clients that find their server through ZooKeeper: a real one, or the one in this process, and Python's runzeo.
@Suite(.timeLimit(.minutes(2))) struct ZKZEOTests {
    private let path = "/databases/demo"
    private let log = LogRecorder()

    private var options: ClientOptions {
        var options = ClientOptions()
        options.logger = self.log.logger
        return options
    }

    private func place(_ zooKeeper: String) -> String { "<\(zooKeeper)\(self.path)>" }

    /// Runs `body` with a ZooKeeper that has the path, and a session to change it by hand.
    private func withZooKeeper(
        real: Bool = false,
        _ body: @Sendable (_ connectionString: String, ZooKeeperSession) async throws -> Void
    ) async throws {
        if real {
            let zooKeeper = try await RealZooKeeper()
            try await withSession(zooKeeper.connectionString) { session in
                try await session.ensurePath(self.path)
                try await body(zooKeeper.connectionString, session)
            }
            try await zooKeeper.stop()
        } else {
            let zooKeeper = try await ZKTestServer.start()
            try await withSession(zooKeeper.connectionString) { session in
                try await session.ensurePath(self.path)
                try await body(zooKeeper.connectionString, session)
            }
            try await zooKeeper.shutdown()
        }
    }

    private func register(_ server: RunZEO, _ session: ZooKeeperSession) async throws {
        try await session.create("\(self.path)/\(server.address)", data: Array("{}".utf8))
    }

    /// The scenario of zc.zkzeo's own documentation, with a node made by hand.
    @Test(arguments: [false, true])
    func clientsFollowTheServerToAnotherPortAndSayWhatZCZKZEOSays(_ real: Bool) async throws {
        try await self.withZooKeeper(real: real) { zooKeeper, session in
            try await withTemporaryDirectory { directory in
                let server = try await RunZEO.start(in: directory)
                try await self.register(server, session)

                let client = try await ZKZEO.client(zooKeeper, self.path, options: self.options)
                let database = try await ZKZEO.DB(zooKeeper, self.path, options: self.options)
                let connection = try await ZKZEO.connection(zooKeeper, self.path, options: self.options)
                #expect(client.isConnected)
                let found = "INFO Addresses from \(self.place(zooKeeper)): ['127.0.0.1:\(server.port)']"
                #expect(self.log.addressLines == [found, found, found])
                self.log.clear()

                let own = try await Database.open(client)
                try await own.transaction { $0["one"] = 1 }
                try await eventually("the others see it") {
                    let seen = try await database.read { $0["one"]?.int }
                    return try await connection.read { $0["one"] } == 1 && seen == 1
                }

                try await session.delete("\(self.path)/\(server.address)")
                try await server.stop()
                let none = "WARNING No addresses from \(self.place(zooKeeper))"
                try await eventually("all have said so") { self.log.addressLines == [none, none, none] }
                try await eventually("the client is disconnected") { !client.isConnected }
                self.log.clear()

                let moved = try await RunZEO.start(in: directory)
                try await self.register(moved, session)
                try await database.transaction { $0["two"] = 2 }
                try await eventually("all are back") {
                    let seen = try await own.read { $0["two"]?.int }
                    return try await connection.read { $0["two"] } == 2 && seen == 2
                }
                let lines = self.log.addressLines
                let again = "WARNING OK: Addresses from \(self.place(zooKeeper))"
                let there = "INFO Addresses from \(self.place(zooKeeper)): ['127.0.0.1:\(moved.port)']"
                #expect(lines.sorted() == [there, there, there, again, again, again].sorted())
                #expect(lines.first == again)

                await connection.close()
                await database.close()
                await own.close()
                #expect(!client.isConnected)
                try await moved.stop()
            }
        }
    }

    @Test func aStartWithoutAddressesWaitsForThemAndSaysSoAgainAndAgain() async throws {
        try await self.withZooKeeper { zooKeeper, session in
            try await withTemporaryDirectory { directory in
                var source = ZooKeeperAddresses(connectionString: zooKeeper, path: self.path, options: self.options)
                source.reminderInterval = .milliseconds(50)
                let storage = ClientStorage(
                    source: .zooKeeper(source),
                    options: self.options,
                    eventLoopGroup: .singletonMultiThreadedEventLoopGroup
                )
                let start = Task { try await storage.start() }
                let none = "WARNING No addresses from \(self.place(zooKeeper))"
                try await eventually("it says so more than once") { self.log.addressLines.count >= 3 }
                #expect(self.log.addressLines.allSatisfy { $0 == none })
                #expect(!storage.isConnected)

                let server = try await RunZEO.start(in: directory)
                self.log.clear()
                try await self.register(server, session)
                try await start.value
                #expect(storage.isConnected)
                #expect(
                    self.log.addressLines.drop { $0 == none } == [
                        "WARNING OK: Got addresses from \(self.place(zooKeeper))",
                        "INFO Addresses from \(self.place(zooKeeper)): ['127.0.0.1:\(server.port)']",
                    ]
                )
                try await storage.close()
                try await server.stop()
            }
        }
    }

    @Test func aStartThatNeedNotWaitReturnsAtOnceAndConnectsLater() async throws {
        try await self.withZooKeeper { zooKeeper, session in
            try await withTemporaryDirectory { directory in
                var options = self.options
                options.wait = false
                let storage = try await ZKZEO.client(zooKeeper, self.path, options: options)
                #expect(!storage.isConnected)
                #expect(self.log.addressLines == ["WARNING No addresses from \(self.place(zooKeeper))"])
                self.log.clear()
                async let last = storage.lastTransaction()
                let server = try await RunZEO.start(in: directory)
                try await self.register(server, session)
                _ = try await last
                #expect(storage.isConnected)
                #expect(
                    self.log.addressLines == [
                        "WARNING OK: Addresses from \(self.place(zooKeeper))",
                        "INFO Addresses from \(self.place(zooKeeper)): ['127.0.0.1:\(server.port)']",
                    ]
                )
                try await storage.close()
                try await server.stop()
            }
        }
    }

    @Test(arguments: [true, false])
    func anUnreachableZooKeeperFailsTheStartWhateverWaitSays(_ wait: Bool) async throws {
        var options = self.options
        options.wait = wait
        options.connectTimeout = .milliseconds(300)
        let nobody = "127.0.0.1:\(try freePort())"
        let error = await #expect(throws: ZooKeeperError.self) {
            try await ZKZEO.client(nobody, self.path, options: options)
        }
        #expect(error?.code == .connectTimeout)
    }

    @Test func aPathThatDoesNotExistFailsTheStart() async throws {
        try await self.withZooKeeper { zooKeeper, _ in
            let error = await #expect(throws: ZooKeeperError.self) {
                try await ZKZEO.client(zooKeeper, "/somewhere/else", options: self.options)
            }
            #expect(error?.code == .noNode)
            #expect(error?.path == "/somewhere/else")
        }
    }

    @Test func aPathThatMustNotBeReadFailsTheStart() async throws {
        try await self.withZooKeeper { zooKeeper, session in
            try await session.addAuth(scheme: "digest", credential: Array("me:secret".utf8))
            try await session.create("/secret", acl: .creatorAll)
            var options = self.options
            options.connectTimeout = .seconds(1)
            let error = await #expect(throws: ZooKeeperError.self) {
                try await ZKZEO.client(zooKeeper, "/secret", options: options)
            }
            #expect(error?.code == .noAuth)
        }
    }

    @Test func aRegisteredServerThatIsNotThereFailsTheStartAfterTheWaitTimeout() async throws {
        try await self.withZooKeeper { zooKeeper, session in
            try await session.create("\(self.path)/127.0.0.1:\(try freePort())")
            var options = self.options
            options.waitTimeout = .milliseconds(300)
            let error = await #expect(throws: StorageError.self) {
                try await ZKZEO.client(zooKeeper, self.path, options: options)
            }
            #expect(error?.code == .disconnected)
        }
    }

    @Test func aStartThatIsCancelledEndsWhatItStarted() async throws {
        try await self.withZooKeeper { zooKeeper, _ in
            let start = Task { try await ZKZEO.client(zooKeeper, self.path, options: self.options) }
            try await eventually("it waits") { !self.log.addressLines.isEmpty }
            start.cancel()
            await #expect(throws: CancellationError.self) { _ = try await start.value }
        }
    }

    @Test func theServerThatWorksIsChosenAmongSeveral() async throws {
        try await self.withZooKeeper { zooKeeper, session in
            try await withTemporaryDirectory { directory in
                let server = try await RunZEO.start(in: directory)
                try await session.create("\(self.path)/127.0.0.1:\(try freePort())")
                try await session.create("\(self.path)/not an address")
                try await self.register(server, session)
                try await ZKZEO.withConnection(zooKeeper, self.path, options: self.options) { connection in
                    try await connection.transaction { $0["x"] = 1 }
                }
                let count = try await ZKZEO.withDB(zooKeeper, self.path, options: self.options) { database in
                    try await database.read { $0.count }
                }
                #expect(count == 1)
                let last = try await ZKZEO.withClient(zooKeeper, self.path, options: self.options) { storage in
                    try await storage.lastTransaction()
                }
                #expect(last > .zero)
                try await server.stop()
            }
        }
    }

    @Test func aServiceOpensTheDatabaseAndEndsWithItsGroup() async throws {
        try await self.withZooKeeper { zooKeeper, session in
            try await withTemporaryDirectory { directory in
                let server = try await RunZEO.start(in: directory)
                try await self.register(server, session)
                let service = ZKZEOService(zooKeeper, self.path, options: self.options)
                let group = ServiceGroup(services: [service], logger: quiet)
                let running = Task { try await group.run() }
                let database = try await service.database()
                try await database.transaction { $0["x"] = 1 }
                await group.triggerGracefulShutdown()
                try await running.value
                #expect(!service.storage.isConnected)
                let error = await #expect(throws: StorageError.self) { try await service.storage.newObjectIDs(1) }
                #expect(error?.code == .closed)
                await #expect(throws: StorageError.self) { try await service.run() }
                try await server.stop()
            }
        }
    }

    @Test func zooKeeperMayGoAwayWithoutTakingTheAddressesAlong() async throws {
        try await withTemporaryDirectory { directory in
            let zooKeeper = try await ZKTestServer.start()
            let server = try await RunZEO.start(in: directory)
            try await withSession(zooKeeper.connectionString) { session in
                try await session.ensurePath(self.path)
                try await self.register(server, session)
            }
            let database = try await ZKZEO.DB(zooKeeper.connectionString, self.path, options: self.options)
            try await zooKeeper.shutdown()
            try await database.transaction { $0["x"] = 1 }
            try await server.stop()
            let again = try await RunZEO.start(in: directory, port: server.port)
            try await database.transaction { $0["y"] = 1 }
            #expect(self.log.addressLines.count == 1)
            await database.close()
            try await again.stop()
        }
    }
}
