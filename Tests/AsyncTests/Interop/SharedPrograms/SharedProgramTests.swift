//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import ZODB
import ZODBStorage

/// Python and Swift change the same objects in turns.
@Suite struct SharedProgramTests {
    /// How many turns; `make evidence` sets more.
    static let turns = ProcessInfo.processInfo.environment["ZKZEO_SHARED_TURNS"].flatMap { Int($0) } ?? 12

    @Test(.timeLimit(.minutes(30))) func turnsOnOneFileStorage() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/Data.fs"
            try await runSharedProgram(at: path, in: directory, seed: TestSeed.value, turns: Self.turns) {
                try await FileStorage.open(FileStorageConfiguration(path: path))
            }
        }
    }
}
