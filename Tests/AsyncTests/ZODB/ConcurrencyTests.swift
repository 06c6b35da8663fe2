//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Synchronization
import Testing
import ZODBStorage

@testable import ZODB

/// A value that several tasks of a test look at.
final class Shared<Value: Sendable>: Sendable {
    private let guarded: Mutex<Value>

    init(_ value: Value) { self.guarded = Mutex(value) }

    var value: Value { self.guarded.withLock { $0 } }

    func set(_ value: Value) { self.guarded.withLock { $0 = value } }

    func change(_ body: @Sendable (inout Value) -> Void) { self.guarded.withLock { body(&$0) } }
}

/// Many tasks on one database in memory.
@Suite(.timeLimit(.minutes(1))) struct ConcurrencyTests {
    @Test func concurrentIncrementsAreAllCounted() async throws {
        let database = try await Database.open(MappingStorage())
        try await database.transaction { $0["count"] = 0 }
        try await withThrowingTaskGroup { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<25 {
                        try await database.transaction(attempts: 1000) { root in
                            root["count"] = .int((root["count"]?.int ?? 0) + 1)
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try await database.read { $0["count"]?.int } == 200)
    }

    /// Writers keep the sum of two objects constant; readers, who load the objects one after the other, never see half
    /// of a transfer.
    @Test func readersSeeWholeTransactionsOnly() async throws {
        let database = try await Database.open(MappingStorage())
        try await database.transaction { root in
            root["a"] = .object(PersistentMapping(["value": 100]))
            root["b"] = .object(PersistentMapping(["value": 0]))
        }
        let done = Shared(false)
        try await withThrowingTaskGroup { group in
            group.addTask {
                for step in 1...300 {
                    try await database.transaction(attempts: 1000) { root in
                        let a = try #require(try await root.mapping("a"))
                        let b = try #require(try await root.mapping("b"))
                        a["value"] = .int(100 - step)
                        b["value"] = .int(step)
                    }
                    await Task.yield()
                }
                done.set(true)
            }
            for _ in 0..<3 {
                group.addTask {
                    let connection = database.connection()
                    while !done.value {
                        let sum = try await connection.read { root in
                            let a = try await root.mapping("a")?["value"]?.int ?? 0
                            await Task.yield()
                            return a + (try await root.mapping("b")?["value"]?.int ?? 0)
                        }
                        #expect(sum == 100)
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    @Test func attemptsAreBounded() async throws {
        let database = try await Database.open(MappingStorage())
        let runs = Shared(0)
        let error = await #expect(throws: StorageError.self) {
            try await database.transaction(attempts: 3) { root in
                runs.change { $0 += 1 }
                root["mine"] = 1
                // Somebody else is always first.
                try await database.transaction { $0["theirs"] = .int(runs.value) }
            }
        }
        #expect(error?.code == .conflict)
        #expect(runs.value == 3)
    }

    @Test func aCancelledTransactionIsNotCommitted() async throws {
        let database = try await Database.open(MappingStorage())
        let task = Task {
            try await database.transaction { root in
                root["x"] = 1
                try await Task.sleep(for: .seconds(100))
            }
        }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(try await database.read { $0.isEmpty })
    }
}
