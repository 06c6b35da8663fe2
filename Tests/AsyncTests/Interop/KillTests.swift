//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// What `kill -9` may not break.
@Suite struct KillTests {
    /// How often the server is killed; `make evidence` sets more.
    static let rounds = ProcessInfo.processInfo.environment["ZKZEO_KILL_ROUNDS"].flatMap { Int($0) } ?? 5
    static let writers = 4

    @Test(.timeLimit(.minutes(20)))
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
            )
            var acknowledged = [Int](repeating: 0, count: Self.writers)
            var random = SystemRandomNumberGenerator()
            for round in 1...Self.rounds {
                let server = try await RunningServer.start(configuration, in: directory)
                try await eventually("the node names round \(round)'s server") {
                    let nodes = try await RegisteredNode.all(zooKeeper.connectionString, "/databases/demo")
                    return nodes.map(\.name) == ["127.0.0.1:\(port)"]
                        && nodes.first?.properties["pid"] == "\(server.process.pid)"
                }
                let ledger = try ChildProcess(
                    TestPaths.python,
                    [TestPaths.interop + "/ledger.py", "write", "127.0.0.1", "\(port)", "\(Self.writers)"]
                )
                let patience = Int.random(in: 1...300, using: &random)
                do {
                    try await eventually("\(patience) commits") { ledger.lines.count >= patience }
                } catch {
                    Issue.record(
                        "round \(round): the ledger says \(ledger.output), the server \(server.process.output)"
                    )
                    throw error
                }
                server.process.signal(SIGKILL)
                try await server.process.exitStatus()
                try await ledger.exitStatus()
                for line in ledger.lines {
                    let numbers = line.split(separator: " ").compactMap { Int($0) }
                    guard numbers.count == 2 else { continue }
                    #expect(numbers[1] > acknowledged[numbers[0]], "round \(round): \(line) after \(acknowledged)")
                    acknowledged[numbers[0]] = numbers[1]
                }
            }
            // One more server recovers what the last kill left, and stops as it should.
            let server = try await RunningServer.start(configuration, in: directory)
            #expect(try await server.stop() == 0)
            let found = try await runPython("ledger.py", ["check", directory + "/Data.fs", "\(Self.writers)"])
            for line in found.split(separator: "\n") {
                let numbers = line.split(separator: " ").compactMap { Int($0) }
                guard numbers.count == 2 else { continue }
                #expect(numbers[1] >= acknowledged[numbers[0]], "writer \(numbers[0])")
            }
            #expect(found.split(separator: "\n").count == Self.writers)
            #expect(acknowledged.allSatisfy { $0 > 0 })
            try await zooKeeper.stop()
        }
    }
}
