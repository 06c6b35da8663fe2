//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Testing
import ZKTestServer

/// The table of behaviours, run by our session: the same answers as kazoo's, from both servers.
@Suite(.timeLimit(.minutes(2))) struct SessionBehaviourTests {
    @Test func theSessionGetsTheSameAnswersAsKazooFromTheRealServer() async throws {
        let real = try await RealZooKeeper()
        let kazoo = try await RealZooKeeper()
        try await Self.compare(port: real.port, with: kazoo.connectionString)
        try await real.stop()
        try await kazoo.stop()
    }

    @Test func theSessionGetsTheSameAnswersAsKazooFromTheTestServer() async throws {
        let configuration = ZKTestServer.Configuration(containerCheckInterval: .seconds(1))
        try await ZKTestServer.withServer(configuration) { server in
            try await ZKTestServer.withServer(configuration) { kazoo in
                try await Self.compare(port: server.port, with: kazoo.connectionString)
            }
        }
    }

    /// libzookeeper refuses paths that break the rules before it asks the server, whose answer would be another: it looks
    /// for the node, its parent or the list's faults first.
    private static let different = [
        "read-bad-paths": "BADARGUMENTS | BADARGUMENTS | BADARGUMENTS | BADARGUMENTS",
        "create-under-a-missing-bad-name": "BADARGUMENTS | BADARGUMENTS | BADARGUMENTS",
        "create-trailing-slash": "BADARGUMENTS | BADARGUMENTS",
        "delete-bad-paths": "BADARGUMENTS | BADARGUMENTS | BADARGUMENTS",
        "acl-faults-in-order": "INVALIDACL | BADARGUMENTS | INVALIDACL",
    ]

    private static func compare(port: Int, with kazoo: String) async throws {
        async let expected = runPython("zk_behaviour.py", [kazoo])
        let answers = try await Self.lines(port: port)
        let wanted = try await expected.split(separator: "\n").map(String.init)
        #expect(answers.count == wanted.count)
        #expect(answers.count >= 111)
        for (answer, line) in zip(answers, wanted) {
            let name = String(line.prefix { $0 != ":" })
            #expect(answer == (Self.different[name].map { name + ": " + $0 } ?? line))
        }
    }

    /// Runs the table, eight programs at a time; they do not touch one another.
    private static func lines(port: Int) async throws -> [String] {
        let table = try Behaviour.table()
        return try await withThrowingTaskGroup(of: (Int, String).self) { group in
            var lines = [String](repeating: "", count: table.count)
            for (index, behaviour) in table.enumerated() {
                if index >= 8, let (done, line) = try await group.next() { lines[done] = line }
                group.addTask { (index, try await behaviour.line(port: port)) }
            }
            for try await (done, line) in group { lines[done] = line }
            return lines
        }
    }
}
