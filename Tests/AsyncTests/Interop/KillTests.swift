//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// What `kill -9` of a server may not break, at any instant of commits, undos, packs and of commits with blobs.
@Suite struct KillTests {
    /// How often the server is killed; `make evidence` sets more.
    static let rounds = ProcessInfo.processInfo.environment["ZKZEO_KILL_ROUNDS"].flatMap { Int($0) } ?? 20
    /// After so many kills nobody looks for the new server's registration any more.
    static let registrationRounds = 5
    static let writers = 4

    /// What the clients of all rounds have seen finished, as ledger.py tells it.
    private struct Ledger {
        var stored = [Int](repeating: 0, count: KillTests.writers)
        var undone = [Int](repeating: 0, count: KillTests.writers)
        var packs = 0

        static func isEntry(_ line: String) -> Bool {
            ["stored ", "undone ", "packed"].contains { line.hasPrefix($0) }
        }

        mutating func read(_ lines: [String], round: Int) {
            for line in lines {
                let words = line.split(separator: " ")
                let numbers = words.dropFirst().compactMap { Int($0) }
                switch (words.first, numbers.count) {
                case ("stored", 2):
                    #expect(numbers[1] > self.stored[numbers[0]], "round \(round): \(line) after \(self.stored)")
                    self.stored[numbers[0]] = numbers[1]
                case ("undone", 2): self.undone[numbers[0]] = numbers[1]
                case ("packed", 0): self.packs += 1
                default: break
                }
            }
        }
    }

    @Test(.timeLimit(.minutes(120)))
    func nothingThatAClientSawFinishedIsLostAndTheRegistrationComesBack() async throws {
        try await withTemporaryDirectory { directory in
            let zooKeeper = try await RealZooKeeper()
            try await runPython("registry.py", ["make", zooKeeper.connectionString, "/databases/demo"])
            let port = try freePort()
            // So long a session that a node of a killed server cannot have expired when its successor registers.
            let configuration = RunningServer.configuration(
                address: "127.0.0.1:\(port)",
                zooKeeper: zooKeeper.connectionString,
                sessionTimeout: 60000
            ).replacing("  path Data.fs\n", with: "  path Data.fs\n  blob-dir blobs\n")
            var seen = Ledger()
            var random = SeededGenerator(seed: TestSeed.value)
            for round in 1...Self.rounds {
                let server = try await RunningServer.start(configuration, in: directory)
                if round <= Self.registrationRounds {
                    try await eventually("the node names round \(round)'s server") {
                        let nodes = try await RegisteredNode.all(zooKeeper.connectionString, "/databases/demo")
                        return nodes.map(\.name) == ["127.0.0.1:\(port)"]
                            && nodes.first?.properties["pid"] == "\(server.process.pid)"
                    }
                }
                let ledger = try ChildProcess(
                    TestPaths.python,
                    [TestPaths.interop + "/ledger.py", "write", "127.0.0.1", "\(port)", "\(directory)/cache\(round)"]
                        + seen.undone.map(String.init)
                )
                let patience = Int.random(in: 1...60, using: &random)
                do {
                    try await eventually("\(patience) commits") {
                        ledger.lines.filter(Ledger.isEntry).count >= patience
                    }
                } catch {
                    Issue.record(
                        "round \(round): the ledger says \(ledger.output), the server \(server.process.output)"
                    )
                    throw error
                }
                server.process.signal(SIGKILL)
                try await server.process.exitStatus()
                try await ledger.exitStatus()
                seen.read(ledger.lines, round: round)
                #expect(!ledger.output.contains("AssertionError"), "round \(round): \(ledger.output)")
            }
            // One more server recovers what the last kill left, and stops as it should.
            let server = try await RunningServer.start(configuration, in: directory)
            #expect(try await server.stop() == 0)
            let found = try await runPython(
                "ledger.py",
                ["check", directory + "/Data.fs", directory + "/blobs"] + seen.undone.map(String.init)
            )
            for line in found.split(separator: "\n") {
                let numbers = line.split(separator: " ").compactMap { Int($0) }
                guard numbers.count == 2 else { continue }
                #expect(numbers[1] >= seen.stored[numbers[0]], "writer \(numbers[0])")
            }
            #expect(found.split(separator: "\n").count == Self.writers)
            #expect(seen.stored.allSatisfy { $0 > 0 })
            #expect(seen.undone.contains { $0 > 0 })
            #expect(seen.packs > 0)
            print("\(Self.rounds) kills: \(seen.stored.reduce(0, +)) commits, \(seen.packs) packs")
            try await zooKeeper.stop()
        }
    }
}
