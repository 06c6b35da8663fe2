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
import ZEOAsyncServer
import ZEOProtocol
import ZODBFormat
import ZODBStorage

/// How a server begins and ends.
@Suite(.timeLimit(.minutes(1)))
struct ServerLifecycleTests {
    private func server(
        _ address: ZEOServerConfiguration.Address = .hostname("127.0.0.1", port: 0),
        _ storages: [(name: String, storage: any Storage)]? = nil
    ) -> ZEOServer {
        var configuration = ZEOServerConfiguration(address: address)
        configuration.eventLoopCount = 1
        return ZEOServer(
            configuration: configuration,
            storages: storages ?? [("1", MappingStorage())],
            logger: ServerLogLines().makeLogger()
        )
    }

    @Test func thePortIsFreeAsSoonAsTheServerHasEnded() async throws {
        let port = try freePort()
        for _ in 1...5 {
            try await withZEOServer {
                $0.address = .hostname("127.0.0.1", port: port)
            } _: { running in
                #expect(running.port == port)
                #expect(running.log.contains("listening on ('127.0.0.1', \(port))", at: .info))
                // A client that is still connected does not keep the port.
                let client = try await RawZEOClient.registered(port: port)
                _ = try await client.commit(ObjectID(rawValue: 1))
            }
        }
    }

    @Test func anAddressThatIsTakenIsAClearError() async throws {
        try await withZEOServer { running in
            let second = self.server(.hostname("127.0.0.1", port: running.port))
            let waiting = Task { try await second.waitUntilListening() }
            let error = await #expect(throws: ZEOServerError.self) { try await second.run() }
            #expect(error?.code == .cannotListen)
            #expect(error?.description.contains("127.0.0.1:\(running.port)") == true)
            let told = await #expect(throws: ZEOServerError.self) { _ = try await waiting.value }
            #expect(told?.code == .cannotListen || told?.code == .notRunning)
        }
    }

    @Test func storagesNeedNamesOfTheirOwn() async throws {
        let twice: [(name: String, storage: any Storage)] = [("1", MappingStorage()), ("1", MappingStorage())]
        let duplicate = await #expect(throws: ZEOServerError.self) {
            try await self.server(storages: twice).run()
        }
        #expect(duplicate?.code == .duplicateStorage)
        let nothing = await #expect(throws: ZEOServerError.self) { try await self.server(storages: []).run() }
        #expect(nothing?.code == .noStorage)
    }

    private func server(storages: [(name: String, storage: any Storage)]) -> ZEOServer {
        self.server(.hostname("127.0.0.1", port: 0), storages)
    }

    @Test func aServerRunsOnce() async throws {
        try await withZEOServer { running in
            let error = await #expect(throws: ZEOServerError.self) { try await running.server.run() }
            #expect(error?.code == .alreadyRunning)
        }
    }

    @Test func cancellationEndsAServer() async throws {
        let server = self.server()
        let task = Task { try await server.run() }
        _ = try await server.waitUntilListening()
        task.cancel()
        try await task.value
    }

    @Test func aServiceGroupShutsAServerDown() async throws {
        let server = self.server()
        let group = ServiceGroup(services: [server], logger: ServerLogLines().makeLogger())
        let task = Task { try await group.run() }
        _ = try await server.waitUntilListening()
        await group.triggerGracefulShutdown()
        try await task.value
    }

    @Test func anEmptyHostMeansEveryInterface() async throws {
        try await withZEOServer {
            $0.address = .hostname("", port: 0)
        } _: { running in
            let client = try await RawZEOClient.registered(port: running.port)
            #expect(try await client.call(.ping) == .none)
        }
    }

    @Test func unixSocketsAreServedAndRemoved() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/sock"
            for _ in 1...2 {
                try await withZEOServer {
                    $0.address = .unixDomainSocket(path: path)
                } _: { running in
                    #expect(running.address.pathname == path)
                    let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                        .connect(unixDomainSocketPath: path).get()
                    var bytes = ByteBuffer()
                    Greeting.areYouOkay.encode(into: &bytes)
                    try await channel.writeAndFlush(bytes)
                    try await channel.closeFuture.get()
                }
                #expect(!FileManager.default.fileExists(atPath: path))
            }
        }
    }

    @Test func theUnixSocketOfALiveServerIsNotReplaced() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/sock"
            try await withZEOServer {
                $0.address = .unixDomainSocket(path: path)
            } _: { running in
                let second = ZEOServer(
                    configuration: ZEOServerConfiguration(address: .unixDomainSocket(path: path)),
                    storages: [("1", MappingStorage())],
                    logger: ServerLogLines().makeLogger()
                )
                let error = await #expect(throws: ZEOServerError.self) { try await second.run() }
                #expect(error?.code == .cannotListen)
                let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                    .connect(unixDomainSocketPath: path).get()
                try await channel.close().get()
            }
        }
    }
}
