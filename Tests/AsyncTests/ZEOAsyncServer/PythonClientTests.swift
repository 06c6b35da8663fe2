//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Logging
import Testing
import ZEOAsyncServer
import ZEOProtocol
import ZODBStorage

/// Python's own ZEO client, unmodified, against this server.
@Suite(.timeLimit(.minutes(1)))
struct PythonClientTests {
    /// Runs one scenario of `zeo_client.py`, which says "done" at its end.
    private func play(
        _ scenario: String,
        of storages: [(name: String, storage: any Storage)]? = nil,
        _ configure: (inout ZEOServerConfiguration) -> Void = { _ in }
    ) async throws -> ServerLogLines {
        try await withZEOServer(of: storages, configure) { running in
            let output = try await runPython(
                "zeo_client.py",
                [String(running.port)] + scenario.split(separator: " ").map(String.init),
                within: .seconds(50)
            )
            #expect(output.hasSuffix("done"), "\(output)\n\(running.log.all)")
            return running.log
        }
    }

    @Test(arguments: [WireFormat.pickle, .messagePack])
    func loadsAndCommits(format: WireFormat) async throws {
        _ = try await self.play("basics") { $0.wireFormat = format }
    }

    @Test(arguments: [WireFormat.pickle, .messagePack])
    func readsInEveryWay(format: WireFormat) async throws {
        _ = try await self.play("loads") { $0.wireFormat = format }
    }

    @Test(arguments: [WireFormat.pickle, .messagePack])
    func clientsResolveConflicts(format: WireFormat) async throws {
        _ = try await self.play("conflicts") { $0.wireFormat = format }
    }

    @Test func conflictsAreErrorsWhereTheConfigurationSaysSo() async throws {
        _ = try await self.play("refused") { $0.conflictResolution = .none }
    }

    @Test func readOnlyServersTakeNoWrites() async throws {
        let log = try await self.play("readonly") { $0.isReadOnly = true }
        #expect(log.contains("ReadOnlyError"))
    }

    @Test func storagesAreServedSideBySide() async throws {
        let log = try await self.play(
            "storages",
            of: [("one", MappingStorage(name: "1st")), ("two", MappingStorage(name: "2nd"))]
        )
        #expect(log.contains("created RW with storages: one:RW:1st, two:RW:2nd", at: .info))
        #expect(log.contains("unknown storage_id: three", at: .info))
    }

    @Test func returningClientsVerifyTheirCache() async throws {
        _ = try await self.play("verification") { $0.invalidationQueueSize = 10 }
    }

    @Test func youngCachesAreVerifiedFromTheStorageItself() async throws {
        _ = try await self.play("verification kept") {
            $0.invalidationQueueSize = 10
            $0.invalidationAge = .seconds(600)
        }
    }

    @Test func monitorsLearnHowTheServerIs() async throws {
        let log = try await self.play("status")
        #expect(log.contains("(tester 127.0.0.1:"))
        #expect(log.contains("disconnected", at: .info))
    }
}
