//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import Testing
import ZODBFormat
import ZODBStorage

@testable import ZODB

/// What a database does beside its transactions: connections that wait, the past, undoing and packing.
@Suite(.timeLimit(.minutes(1))) struct DatabaseTests {
    @Test func connectionsOfClosuresAreUsedAgainWithWhatTheyHaveLoaded() async throws {
        let database = try await Database.open(MappingStorage())
        try await database.transaction { $0["x"] = 1 }
        #expect(database.connectionCounts == (0, 1))
        let misses = try #require(database.cacheStatistics.first).misses
        for value in 1...3 {
            #expect(try await database.read { $0["x"]?.int } == value)
            try await database.transaction { $0["x"] = .int(value + 1) }
        }
        #expect(database.cacheStatistics.count == 1)
        #expect(database.cacheStatistics.first?.misses == misses)
        // What others commit is seen, too.
        let other = database.connection()
        let another = database.connection()
        #expect(database.connectionCounts == (2, 0))
        try await another.transaction { $0["x"] = 7 }
        await other.close()
        await another.close()
        #expect(database.connectionCounts == (0, 0))
        #expect(try await database.read { $0["x"]?.int } == 7)
    }

    @Test func noMoreConnectionsWaitThanThePoolIsMeantForAndTooManyAreReported() async throws {
        let recorder = LogRecorder()
        var options = DatabaseOptions()
        options.poolSize = 2
        options.logger = recorder.logger
        let database = try await Database.open(MappingStorage(), options: options)
        let connections = (0..<5).map { _ in database.connection() }
        #expect(database.connectionCounts == (5, 0))
        let levels = recorder.lines.filter { $0.text.contains("more connections are open") }.map(\.level)
        #expect(levels == [.warning, .warning, .critical])
        for connection in connections { await connection.close() }
        try await withThrowingTaskGroup { group in
            let (arrivals, arrival) = AsyncStream.makeStream(of: Void.self)
            let gate = Shared(false)
            for _ in 0..<4 {
                group.addTask {
                    try await database.read { _ in
                        arrival.yield()
                        try await eventually("all are reading") { gate.value }
                    }
                }
            }
            var iterator = arrivals.makeAsyncIterator()
            for _ in 0..<4 { await iterator.next() }
            gate.set(true)
            try await group.waitForAll()
        }
        #expect(database.connectionCounts == (0, 2))
    }

    @Test func connectionsThatWaitedTooLongAreClosed() async throws {
        var options = DatabaseOptions()
        options.poolTimeout = .zero
        let database = try await Database.open(MappingStorage(), options: options)
        try await database.read { _ in }
        let first = database.cacheStatistics.count
        #expect(first == 1)
        try await database.read { _ in }
        #expect(database.connectionCounts == (0, 1))
        #expect(database.cacheStatistics.count == 1)
    }

    @Test func theSizeOfRecordsBoundsTheCache() async throws {
        var options = DatabaseOptions()
        options.cacheSizeBytes = 20_000
        let database = try await Database.open(MappingStorage(), options: options)
        try await database.transaction { root in
            for index in 0..<50 {
                root[.int(index)] = .object(PersistentMapping(["text": .string(String(repeating: "x", count: 1000))]))
            }
        }
        let connection = database.connection()
        for index in 0..<50 { _ = try await connection.root().mapping(.int(index)) }
        #expect(connection.cacheStatistics.byteCount > 50_000)
        #expect(connection.cacheStatistics.objectCounts == [PersistentMapping.currentClass: 51])
        try await connection.begin()
        #expect(connection.cacheStatistics.byteCount <= 20_000)
        #expect(connection.cacheStatistics.objectCount < 25)
        await connection.close()
        #expect(connection.cacheStatistics.objectCount == 0)
    }

    @Test func thePastIsReadAndNotChanged() async throws {
        let database = try await Database.open(MappingStorage())
        var tids: [TransactionID] = []
        for value in 0..<3 {
            let connection = database.connection()
            try await connection.root()["x"] = .int(value)
            tids.append(try #require(try await connection.commit()))
            await connection.close()
        }
        for (value, tid) in tids.enumerated() {
            #expect(try await database.read(at: tid) { $0["x"]?.int } == value)
        }
        let before = try database.connection(before: tids[2])
        #expect(before.isHistorical)
        let root = try await before.root()
        #expect(root["x"] == 1)
        root["x"] = 9
        var error = await #expect(throws: StorageError.self) { _ = try await before.commit() }
        #expect(error?.code == .readOnly)
        await before.abort()
        #expect(root["x"] == 1)
        try await before.begin()
        #expect(root["x"] == 1)
        await before.close()
        error = #expect(throws: StorageError.self) { _ = try database.connection(at: tids[2].successor) }
        #expect(error?.code == .invalidArgument)
        #expect(try await database.read { $0["x"]?.int } == 2)
    }

    @Test func aTransactionSaysMoreAboutItself() async throws {
        try await withTemporaryDirectory { directory in
            let storage = try await FileStorage.open(FileStorageConfiguration(path: directory + "/Data.fs"))
            let database = try await Database.open(storage)
            try await database.transaction(user: "me", note: "one") { root in
                root["x"] = 1
                try root.connection?.annotate(note: "two", extended: ["request": 7])
            }
            let last = try #require(try await database.undoLog(limit: 1).first)
            #expect(String(buffer: last.metadata.user) == "me")
            #expect(String(buffer: last.metadata.description) == "one\ntwo")
            var data = last.metadata.extensionData
            #expect(try PickleReader().read(from: &data) == ["request": 7])
            await database.close()
        }
    }

    @Test func transactionsAreUndoneListedAndPacked() async throws {
        try await withTemporaryDirectory { directory in
            let storage = try await FileStorage.open(FileStorageConfiguration(path: directory + "/Data.fs"))
            let database = try await Database.open(storage)
            for value in 1...4 { try await database.transaction(note: "set \(value)") { $0["x"] = .int(value) } }
            let log = try await database.undoLog(limit: 2)
            #expect(log.map { String(buffer: $0.metadata.description) } == ["set 4", "set 3"])
            try await database.undo(log.map(\.tid), user: "me", note: "back")
            #expect(try await database.read { $0["x"]?.int } == 2)
            #expect(try await database.history(of: .root).count == 6)
            let error = await #expect(throws: StorageError.self) { try await database.undo(log[1].tid) }
            #expect(error?.code == .undoFailed)
            try await database.pack()
            #expect(try await database.history(of: .root).count == 1)
            #expect(try await database.statistics.objectCount == 1)
            await database.close()
        }
    }
}
