//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import ZEOAsyncServer
import ZODBStorage

/// Python's clients, all changing one object at once, which only they can merge.
struct ContentionTests {
    /// `ZKZEO_CONTENTION_COMMITS` asks for so many commits, of 16 clients.
    private static let more = ProcessInfo.processInfo.environment["ZKZEO_CONTENTION_COMMITS"].flatMap { Int($0) }

    @Test(.timeLimit(.minutes(Self.more == nil ? 1 : 30)))
    func noClientThatResolvesConflictsEverLosesItsTransaction() async throws {
        let clients = Self.more == nil ? 4 : 16
        let commits = (Self.more ?? 200) / clients
        try await withTemporaryDirectory { directory in
            let storage = try await FileStorage.open(FileStorageConfiguration(path: directory + "/Data.fs"))
            let output = try await withZEOServer(of: [("1", storage)]) { running in
                try await runPython(
                    "contention.py",
                    [String(running.port), String(clients), String(commits)],
                    within: .seconds(Self.more == nil ? 50 : 1700)
                )
            }
            try await storage.close()
            #expect(output == "\(clients * commits) 0 \(clients * commits)")
        }
    }
}
