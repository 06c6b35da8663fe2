//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import ZKZEOAsync
import ZODB
import ZODBStorage

/// Python and Swift change the same BTrees at once, and all changes are there in the end.
@Suite(.timeLimit(.minutes(5))) struct BTreeWritersTests {
    private static let commits = ProcessInfo.processInfo.environment["ZKZEO_BTREE_COMMITS"].flatMap { Int($0) } ?? 30
    private static let writers = 8

    private func writeAtOnce(_ port: Int) async throws {
        try await runPython("btree_writers.py", ["make", "\(port)"])
        let python = try (0..<2).map { writer in
            try ChildProcess(
                TestPaths.python,
                [TestPaths.interop + "/btree_writers.py", "write", "\(port)", "\(writer)", "\(Self.commits)"]
            )
        }
        let address = ServiceAddress(host: "127.0.0.1", port: port)
        let storage = try await ClientStorage.open(addresses: [address])
        let database = try await Database.open(storage)
        try await withThrowingTaskGroup { group in
            for writer in 2..<4 {
                group.addTask {
                    for step in 0..<Self.commits {
                        try await database.transaction(attempts: 1000) { try await Self.write(writer, step, $0) }
                    }
                }
            }
            try await group.waitForAll()
        }
        for process in python {
            #expect(try await process.exitStatus(within: .seconds(240)) == 0, "\(process.output)")
        }
        await database.close()
        let keys = 4 * (Self.commits - Self.commits / 3)
        #expect(try await runPython("btree_writers.py", ["check", "\(port)", "\(keys)"]).contains("checked \(keys)"))
    }

    /// What `btree_writers.py` does in a step.
    private static func write(_ writer: Int, _ step: Int, _ root: PersistentMapping) async throws {
        let tree = try #require(try await root.object("tree") as? OOBTree)
        let set = try #require(try await root.object("set") as? IITreeSet)
        let length = try #require(try await root.object("length") as? Length)
        let number = step * self.writers + writer
        #expect(try await tree.set(.int(writer), for: .string(self.name(number))))
        #expect(try await set.insert(Int32(number)))
        try length.change(by: 1)
        if step % 3 == 2 {
            #expect(try await tree.removeValue(for: .string(self.name(number - self.writers))) == .int(writer))
            #expect(try await set.remove(Int32(number - self.writers)))
            try length.change(by: -1)
        }
    }

    private static func name(_ number: Int) -> String {
        let digits = "\(number)"
        return String(repeating: "0", count: 6 - digits.count) + digits
    }

    @Test(arguments: [false, true])
    func changesThroughPythonsServerAreMerged(_ inClients: Bool) async throws {
        try await withTemporaryDirectory { directory in
            let server = try await RunZEO.start(in: directory, options: "client-conflict-resolution \(inClients)")
            try await self.writeAtOnce(server.port)
            try await server.stop()
        }
    }

    @Test(arguments: [false, true])
    func changesThroughOurServerAreMerged(_ inClients: Bool) async throws {
        try await withTemporaryDirectory { directory in
            let server = try await RunningServer.unregistered(
                .messagePack,
                in: directory,
                zeo: "client-conflict-resolution \(inClients)"
            )
            try await self.writeAtOnce(server.port)
            #expect(try await server.stop() == 0)
        }
    }

    /// One of two transactions that change one leaf and one length comes second; the server merges nothing.
    private func mergeOnce(_ port: Int) async throws {
        let storage = try await ClientStorage.open(addresses: [ServiceAddress(host: "127.0.0.1", port: port)])
        let database = try await Database.open(storage)
        try await database.transaction { root in
            let (tree, length) = (IOBTree(), Length(2))
            try await tree.update([(1, "one"), (5, "five")])
            (root["tree"], root["length"]) = (.object(tree), .object(length))
        }
        let connection = database.connection()
        let root = try await connection.root()
        let tree = try #require(try await root.object("tree") as? IOBTree)
        let length = try #require(try await root.object("length") as? Length)
        try await database.transaction { root in
            _ = try await (root.object("tree") as? IOBTree)?.set("theirs", for: 2)
            try await (root.object("length") as? Length)?.change(by: 1)
        }
        try await tree.set("ours", for: 4)
        try length.change(by: 1)
        try await connection.commit()
        #expect(try await tree.keys().collected() == [1, 2, 4, 5])
        #expect(length.value == 4)

        // Both change one key: that is no matter of merging.
        try await database.transaction { root in
            _ = try await (root.object("tree") as? IOBTree)?.set("theirs", for: 5)
        }
        try await tree.set("ours", for: 5)
        let error = await #expect(throws: StorageError.self) { try await connection.commit() }
        #expect(error?.code == .conflict)
        await connection.abort()
        #expect(try await tree[5] == "theirs")
        await connection.close()
        await database.close()
    }

    @Test func theClientMergesWhatPythonsServerLeavesToIt() async throws {
        try await withTemporaryDirectory { directory in
            let server = try await RunZEO.start(in: directory, options: "client-conflict-resolution true")
            try await self.mergeOnce(server.port)
            try await server.stop()
        }
    }

    @Test func theClientMergesWhatOurServerLeavesToIt() async throws {
        try await withTemporaryDirectory { directory in
            let zeo = "client-conflict-resolution true"
            let server = try await RunningServer.unregistered(.pickle, in: directory, zeo: zeo)
            try await self.mergeOnce(server.port)
            #expect(try await server.stop() == 0)
        }
    }
}
