//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing
import ZEOAsyncServer
import ZEOProtocol
import ZODBFormat
import ZODBStorage

@testable import ZKZEOAsync

/// Clients with a cache on disk, with Python's server and ours.
@Suite(.timeLimit(.minutes(1))) struct PersistentCacheTests {
    private func open(_ address: ServiceAddress, _ path: String?) async throws -> ClientStorage {
        var options = ClientOptions()
        options.cachePath = path
        return try await ClientStorage.open(addresses: [address], options: options)
    }

    private func loads(_ storage: ClientStorage) async throws -> PickleValue? {
        try await storage.serverStatus()["loads"]
    }

    @Test(arguments: ServerKind.allCases)
    func whatWasLoadedBeforeTheRestartNeedsNoServer(_ kind: ServerKind) async throws {
        try await withTemporaryDirectory { folder in
            try await kind.withServer(in: folder) { address in
                let writer = try await self.open(address, nil)
                let oids = (1...50).map { ObjectID.numbered(UInt64($0)) }
                let first = try await writer.commit(oids.map { ($0, .zero, "old \($0)") })

                var storage = try await self.open(address, folder + "/cache")
                for oid in oids { #expect(try await storage.text(oid) == "old \(oid)") }
                let second = try await storage.commit(oids[0], first, "mine")
                try await storage.close()

                // While it is away somebody else changes one.
                let third = try await writer.commit(oids[1], first, "changed")
                storage = try await self.open(address, folder + "/cache")
                let before = try await self.loads(writer)
                for oid in oids.dropFirst(2) { #expect(try await storage.text(oid) == "old \(oid)") }
                #expect(try await storage.text(oids[0]) == "mine")
                #expect(try await storage.load(oids[0], before: second)?.next == second)
                #expect(try await self.loads(writer) == before)
                #expect(try await storage.text(oids[1]) == "changed")
                #expect(try await storage.lastTransaction() == third)

                let error = await #expect(throws: StorageError.self) {
                    _ = try await self.open(address, folder + "/cache")
                }
                #expect(error?.code == .locked)
                try await storage.close()
                try await writer.close()
            }
        }
    }

    @Test func aCacheThatIsTooOldIsDropped() async throws {
        try await withTemporaryDirectory { folder in
            let base = MappingStorage()
            let oid = ObjectID.numbered(1)
            let first = try await base.commit(oid, .zero, "one")
            try await withZEOServer(of: [("1", base)]) { server in
                let storage = try await self.open(server.serviceAddress, folder + "/cache")
                #expect(try await storage.text(oid) == "one")
                try await storage.close()
            }
            var serial = first
            for number in 0..<20 { serial = try await base.commit(oid, serial, "\(number)") }
            try await withZEOServer(of: [("1", base)]) {
                $0.invalidationQueueSize = 5
            } _: { server in
                let storage = try await self.open(server.serviceAddress, folder + "/cache")
                #expect(try await storage.text(oid) == "19")
                try await storage.close()
            }
        }
    }

    @Test func aServerThatIsBehindTheCacheIsRefused() async throws {
        try await withTemporaryDirectory { folder in
            let (base, older) = (MappingStorage(), MappingStorage())
            _ = try await older.commit(.numbered(1), .zero, "one")
            _ = try await base.commit(.numbered(1), .zero, "one")
            try await withZEOServer(of: [("1", base)]) { server in
                let storage = try await self.open(server.serviceAddress, folder + "/cache")
                try await storage.close()
            }
            try await withZEOServer(of: [("1", older)]) { server in
                var options = ClientOptions()
                options.cachePath = folder + "/cache"
                options.waitTimeout = .seconds(2)
                let address = server.serviceAddress
                let error = await #expect(throws: StorageError.self) {
                    _ = try await ClientStorage.open(addresses: [address], options: options)
                }
                #expect((error?.underlyingError as? StorageError)?.code == .corrupted)
            }
        }
    }

    /// ZEO#155 and #166: an answer from before an invalidation must not become the current revision after it.
    @Test func whatWasLoadedBeforeAnInvalidationIsNotKeptAsCurrentAfterIt() async throws {
        let oid = ObjectID.numbered(7)
        let (old, new) = (TransactionID(rawValue: 3), TransactionID(rawValue: 9))
        let server = try await ScriptedServer { heard in
            guard case .call(let id, .loadBefore) = heard else { return ScriptedServer.soundly(heard) }
            let revision = LoadedRevision(data: ByteBuffer(string: "old"), tid: old, next: nil)
            return [
                .message(.call(.invalidateTransaction(new, [oid]))),
                .message(.reply(id, .revision(revision))),
            ]
        }
        let storage = try await self.open(server.address, nil)
        #expect(try await storage.text(oid) == "old")
        #expect(try await storage.lastTransaction() == new)
        #expect(storage.view.find(oid, before: .max) == nil)
        try await storage.close()
        try await server.stop()
    }
}

extension ZEOServerUnderTest {
    fileprivate var serviceAddress: ServiceAddress { ServiceAddress(host: "127.0.0.1", port: self.port) }
}
