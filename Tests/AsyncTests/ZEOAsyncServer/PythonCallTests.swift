//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging
import Testing
import ZEOAsyncServer
import ZEOProtocol
import ZODBFormat
import ZODBStorage

/// What Python's own ZEO client asks of a storage's history, of packs, and of blobs.
@Suite(.timeLimit(.minutes(1)))
struct PythonCallTests {
    /// Runs one scenario of `zeo_calls.py`, which says "done" at its end, over data files `1` and `2` with blobs.
    private func play(
        _ scenario: String,
        sharesBlobs: Bool = false,
        _ configure: (inout ZEOServerConfiguration) -> Void = { _ in },
        check: (ServerLogLines, _ directory: String) async throws -> Void = { _, _ in }
    ) async throws {
        try await withTemporaryDirectory { directory in
            var storages: [(name: String, storage: any Storage)] = []
            for name in ["1", "2"] {
                var configuration = FileStorageConfiguration(path: "\(directory)/\(name).fs")
                configuration.blobDirectory = "\(directory)/\(name).blobs"
                storages.append((name, try await FileStorage.open(configuration)))
            }
            try await withZEOServer(of: storages, configure) { running in
                let arguments = [String(running.port), scenario] + (sharesBlobs ? ["\(directory)/1.blobs"] : [])
                let output = try await runPython("zeo_calls.py", arguments, within: .seconds(50))
                #expect(output.hasSuffix("done"), "\(output)\n\(running.log.all)")
                try await check(running.log, directory)
            }
            for (_, storage) in storages { try await storage.close() }
        }
    }

    @Test(arguments: [WireFormat.pickle, .messagePack])
    func historiesAreTold(format: WireFormat) async throws {
        try await self.play("history") { $0.wireFormat = format }
    }

    @Test(arguments: [WireFormat.pickle, .messagePack])
    func transactionsAreUndone(format: WireFormat) async throws {
        try await self.play("undo") { $0.wireFormat = format }
    }

    @Test(arguments: [WireFormat.pickle, .messagePack])
    func transactionsAndRecordsAreWalkedThrough(format: WireFormat) async throws {
        try await self.play("iteration") {
            $0.wireFormat = format
            $0.maximumIteratorCount = 10
        }
    }

    @Test(arguments: [WireFormat.pickle, .messagePack])
    func currentRecordsAreWalkedThrough(format: WireFormat) async throws {
        try await self.play("records") { $0.wireFormat = format }
    }

    @Test func storagesArePacked() async throws {
        try await self.play(
            "pack",
            check: { log, _ in
                #expect(log.count(of: ") started...") >= 2)
                #expect(log.count(of: ") complete") >= 2)
            }
        )
    }

    @Test(arguments: [WireFormat.pickle, .messagePack])
    func historiesAreRestored(format: WireFormat) async throws {
        try await self.play("restoring") { $0.wireFormat = format }
    }

    @Test(arguments: [WireFormat.pickle, .messagePack])
    func blobsComeAndGoInChunks(format: WireFormat) async throws {
        try await self.play("blobs") {
            $0.wireFormat = format
        } check: { _, directory in
            let left = try FileManager.default.contentsOfDirectory(atPath: "\(directory)/1.blobs/tmp")
            #expect(left == [])
        }
    }

    @Test func blobsAreSharedInADirectory() async throws {
        try await self.play("blobs", sharesBlobs: true)
    }

    @Test func whatIsNotWrittenIsServedByReadOnlyServers() async throws {
        try await self.play("readonly") { $0.isReadOnly = true }
    }
}
