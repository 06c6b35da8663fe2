//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Testing
import ZEOAsyncServer
import ZODBStorage

/// Clients of ZEO 5, with ZODB 5: many deployments change their server before their clients.
@Suite(.timeLimit(.minutes(1)))
struct ZEO5ClientTests {
    private static let python = TestPaths.root + "/.build-peers-zeo5/bin/python"

    /// Runs a scenario of a script, which says "done" at its end, over data files `1` and `2` with blobs.
    private func play(
        _ script: String,
        _ scenario: String,
        _ configure: (inout ZEOServerConfiguration) -> Void = { _ in }
    ) async throws {
        try await withTemporaryDirectory { directory in
            var storages: [(name: String, storage: any Storage)] = []
            for name in ["1", "2"] {
                var configuration = FileStorageConfiguration(path: "\(directory)/\(name).fs")
                configuration.blobDirectory = "\(directory)/\(name).blobs"
                storages.append((name, try await FileStorage.open(configuration)))
            }
            try await withZEOServer(of: storages, configure) { running in
                let process = try ChildProcess(
                    Self.python,
                    ["\(TestPaths.interop)/\(script)", String(running.port), scenario]
                )
                let status = try await process.exitStatus(within: .seconds(50))
                #expect(status == 0 && process.output.hasSuffix("done"), "\(process.output)\n\(running.log.all)")
            }
            for (_, storage) in storages { try await storage.close() }
        }
    }

    @Test(arguments: ["basics", "conflicts", "status"])
    func clientsWorkAsThoseOfZEO6Do(scenario: String) async throws {
        try await self.play("zeo_client.py", scenario)
    }

    @Test func returningClientsVerifyTheirCache() async throws {
        try await self.play("zeo_client.py", "verification") { $0.invalidationQueueSize = 10 }
    }

    @Test(arguments: ["history", "undo", "iteration", "records", "pack", "restoring", "blobs"])
    func everyMethodIsServedToThem(scenario: String) async throws {
        try await self.play("zeo_calls.py", scenario) { $0.maximumIteratorCount = 10 }
    }
}
