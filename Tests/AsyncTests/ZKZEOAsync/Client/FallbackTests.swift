//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing
import ZEOAsyncServer
import ZKTestServer
import ZODB
import ZODBFormat
import ZODBStorage

@testable import ZKZEOAsync

/// Clients of several servers, some of which can only be read.
@Suite(.timeLimit(.minutes(1))) struct FallbackTests {
    private var fallback: ClientOptions {
        var options = ClientOptions()
        options.readOnlyFallback = true
        return options
    }

    private func write(_ storage: ClientStorage, _ oid: UInt64) async throws {
        let draft = TransactionDraft(operations: [
            .store(ObjectID(rawValue: oid), serial: .zero, data: ByteBuffer(string: "data"))
        ])
        guard case .prepared(let vote) = try await storage.vote(draft) else {
            Issue.record("the vote conflicts")
            return
        }
        _ = try await storage.finish(vote)
    }

    @Test func aServerThatCanOnlyBeReadIsReadUntilOneThatCanBeWrittenToAppears() async throws {
        let shared = MappingStorage()
        let port = try freePort()
        try await withZEOServer(of: [("1", shared)]) {
            $0.isReadOnly = true
        } _: { reader in
            let addresses = [reader.port, port].map { ServiceAddress(host: "127.0.0.1", port: $0) }
            let storage = try await ClientStorage.open(addresses: addresses, options: self.fallback)
            #expect(storage.isReadOnly)
            #expect(try await storage.lastTransaction() == .zero)
            let refused = await #expect(throws: StorageError.self) { try await self.write(storage, 1) }
            #expect(refused?.code == .readOnly)

            try await withZEOServer(of: [("1", shared)]) {
                $0.address = .hostname("127.0.0.1", port: port)
            } _: { _ in
                try await eventually("the client has moved") { storage.isConnected && !storage.isReadOnly }
                try await self.write(storage, 1)
            }
            // The writable one is gone, and reading goes on.
            try await eventually("the client has moved back") { storage.isConnected && storage.isReadOnly }
            #expect(try await storage.load(ObjectID(rawValue: 1), before: .max) != nil)
            try await storage.close()
        }
    }

    @Test func withoutTheWishAServerThatCanOnlyBeReadIsNoServer() async throws {
        try await withZEOServer {
            $0.isReadOnly = true
        } _: { server in
            var options = ClientOptions()
            options.waitTimeout = .milliseconds(500)
            let address = ServiceAddress(host: "127.0.0.1", port: server.port)
            let error = await #expect(throws: StorageError.self) {
                try await ClientStorage.open(addresses: [address], options: options)
            }
            #expect(error?.code == .disconnected)
            #expect((error?.underlyingError as? StorageError)?.code == .readOnly, "\(String(describing: error))")
            options.readOnly = true
            let storage = try await ClientStorage.open(addresses: [address], options: options)
            #expect(storage.isReadOnly && storage.traits.isReadOnly)
            try await storage.close()
        }
    }

    @Test func aServerAtAUnixSocketIsAServer() async throws {
        try await withTemporaryDirectory { directory in
            try await withZEOServer {
                $0.address = .unixDomainSocket(path: directory + "/zeo.sock")
            } _: { server in
                var options = ClientOptions()
                options.clientLabel = "somebody"
                let storage = try await ClientStorage.open(
                    servers: [.unix(path: directory + "/zeo.sock")],
                    options: options
                )
                try await self.write(storage, 1)
                #expect(try await storage.load(ObjectID(rawValue: 1), before: .max) != nil)
                try await storage.close()
                try await eventually("the server has said who left") { server.log.contains("somebody") }
            }
        }
    }

    @Test func aClientMovesToARegisteredServerWhenItsOwnStaysUnregistered() async throws {
        let shared = MappingStorage()
        try await withRegistry { zooKeeper in
            try await withZEOServer(of: [("1", shared)]) { first in
                try await withZEOServer(of: [("1", shared)]) { second in
                    try await withSession(zooKeeper.connectionString) { session in
                        let path = "/databases/demo"
                        try await session.create("\(path)/127.0.0.1:\(first.port)")
                        var options = ClientOptions()
                        options.removedAddresses = .kept(for: .milliseconds(300))
                        let storage = try await ZKZEO.client(zooKeeper.connectionString, path, options: options)
                        let connection = try await storage.connection()
                        try await session.delete("\(path)/127.0.0.1:\(first.port)")
                        // Nobody else is there, so it stays.
                        #expect(try await storage.connection() === connection)
                        try await session.create("\(path)/127.0.0.1:\(second.port)")
                        try await eventually("it has moved") {
                            storage.gate.current?.address.description == "127.0.0.1:\(second.port)"
                        }
                        try await self.write(storage, 1)
                        try await storage.close()
                    }
                }
            }
        }
    }
}
