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

    /// Enough keys for a root that has been split, made by Swift, thinned out by Python, emptied by Swift.
    @Test(.timeLimit(.minutes(5)), arguments: ["OO.BTree", "OO.TreeSet"])
    func treesOfThreeLevelsAreSoundToBothSides(_ name: String) async throws {
        let keys = 9000
        let turns: [[SharedOperation]] = [
            [.make(name), .commit],
            [.put(name, start: 0, count: keys, step: 1, value: 0), .commit, .dump(name)],
            [
                .dump(name), .cut(name, start: 1, count: keys / 2, step: 2),
                .cut(name, start: 1000, count: 3000, step: 1),
                .put(name, start: 2000, count: 1500, step: 1, value: 7), .commit, .dump(name),
            ],
            [
                .dump(name), .cut(name, start: 0, count: keys - 10, step: 1), .commit, .dump(name),
                .put(name, start: 0, count: 50, step: 3, value: 1), .commit, .dump(name),
            ],
            [.dump(name), .cut(name, start: 0, count: keys, step: 1), .commit, .dump(name)],
            [.dump(name), .put(name, start: 5, count: 100, step: 1, value: 1), .commit],
            [.dump(name)],
        ]
        try await withTemporaryDirectory { directory in
            let path = directory + "/Data.fs"
            var program = SharedProgram(seed: 0)
            let open = { try await FileStorage.open(FileStorageConfiguration(path: path)) as any Storage }
            try await runTurns(turns.count, at: path, in: directory, open: open) { turn in
                program.nextTurn(turns[turn])
                return program
            }
        }
    }
}
