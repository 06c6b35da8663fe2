//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Testing
import ZKTestServer

/// The server in this process beside Debian's ZooKeeper: the same programs must have the same outcome on both.
@Suite struct SameAsZooKeeperTests {
    /// Runs a script against both, and compares what it prints, line by line. `count` is how many lines there must be: a script that
    /// stops early must not pass.
    private func compare(_ script: String, count: Int) async throws {
        let real = try await RealZooKeeper()
        let expected = try await runPython(script, [real.connectionString]).split(separator: "\n")
        try await real.stop()
        let configuration = ZKTestServer.Configuration(containerCheckInterval: .seconds(1))
        let answers = try await ZKTestServer.withServer(configuration) { server in
            try await runPython(script, [server.connectionString]).split(separator: "\n")
        }
        #expect(expected.count == count)
        #expect(answers.count == count)
        for (answer, wanted) in zip(answers, expected) { #expect(answer == wanted) }
    }

    @Test(.timeLimit(.minutes(2))) func behavioursSeenThroughKazoo() async throws {
        try await self.compare("zk_behaviour.py", count: 111)
    }

    @Test(.timeLimit(.minutes(2))) func conversationsByteByByte() async throws {
        try await self.compare("zk_wire.py", count: 63)
    }
}
