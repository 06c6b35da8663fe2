//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import ZODBStorage

/// Data files with random histories: each side's files opened by the other, and all revisions equal.
@Suite struct RandomHistoryTests {
    /// How many histories of each side; `make evidence` sets more.
    static let count = ProcessInfo.processInfo.environment["ZKZEO_HISTORIES"].flatMap { Int($0) } ?? 5
    static let seed = TestSeed.value

    @Test(.timeLimit(.minutes(30)))
    func whatEitherSideWritesTheOtherReadsAndContinues() async throws {
        print("random histories: ZKZEO_SEED=\(Self.seed) ZKZEO_HISTORIES=\(Self.count)")
        var done = 0
        while done < Self.count {
            // In batches: each start of Python takes its time.
            let batch = min(10, Self.count - done)
            try await Self.compare(seed: Self.seed + UInt64(done), count: batch)
            done += batch
        }
    }

    private static func compare(seed: UInt64, count: Int) async throws {
        try await withTemporaryDirectory { directory in
            try await runPython("histories.py", ["make", directory, "\(seed)", "\(count)"])
            let seeds = seed..<seed + UInt64(count)
            let theirs = seeds.map { "\(directory)/python-\($0).fs" }
            try await Self.judge(theirs, "of Python")
            var all: [String] = []
            for seed in seeds {
                for (path, steps) in [("\(directory)/python-\(seed).fs", 12), ("\(directory)/swift-\(seed).fs", 40)] {
                    var history = try await RandomHistory(path, seed: seed)
                    try await history.run(steps: steps)
                    try await history.storage.close()
                    all.append(path)
                }
            }
            try await Self.judge(all, "of both")
        }
    }

    /// Compares what Python says of files with what we say.
    private static func judge(_ paths: [String], _ whose: String) async throws {
        let output = try await runPython("histories.py", ["judge"] + paths, within: .seconds(300))
        let lines = output.split(separator: "\n").filter { $0.hasPrefix("{") }
        try #require(lines.count == paths.count, "\(output.prefix(2000))")
        for (path, line) in zip(paths, lines) {
            let name = "\(path.split(separator: "/").last ?? "") (\(whose))"
            let dump = try JSONDecoder().decode(PythonDump.self, from: Data(line.utf8))
            // Python believes no index where one of the last transactions wrote an object twice, as two undos at once do.
            #expect(try dump.usedIndex || Self.writesTwiceAtTheEnd(path), "\(name)")
            let found = try FoundFaults(checking: path, references: true)
            #expect(found.faults == [], "\(name)")
            #expect(try DataFileIndexer.verify(path) == .right(objects: dump.count), "\(name)")
            // Python leaves the files of an undo behind that fails before its vote.
            if path.contains("/swift-") { #expect(dump.strays == [], "\(name)") }
            let storage = try await FileStorage.open(
                FileStorageConfiguration(path: path, readOnly: true, blobDirectory: path + ".blobs")
            )
            try await dump.expectEqual(to: storage)
            try await storage.close()
        }
    }

    /// Whether one of the transactions at which Python looks before it believes an index wrote an object twice.
    private static func writesTwiceAtTheEnd(_ path: String) throws -> Bool {
        var walk = try DataFileInput(path).walk()
        var repeats: [Bool] = []
        while case .transaction(let transaction)? = try walk.next() {
            repeats.append(Set(transaction.records.map(\.header.oid)).count < transaction.records.count)
        }
        return repeats.suffix(5).contains(true)
    }
}
