//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import OrderedCollections
import Testing
import ZODBFormat
import ZODBStorage

@testable import ZODB

/// Transactions that return to a point within them.
@Suite(.timeLimit(.minutes(1))) struct SavepointTests {
    struct Failure: Error {}

    @Test func changesBeforeASavepointSurviveTheReturnToIt() async throws {
        let database = try await Database.open(MappingStorage())
        let connection = database.connection()
        let root = try await connection.root()
        root["before"] = 1
        let savepoint = try await connection.savepoint()
        #expect(!root.isChanged)
        for round in 0..<3 {
            root["after"] = .int(round)
            root["child"] = .object(PersistentMapping(["n": 1]))
            try await connection.rollBack(to: savepoint)
            #expect(root.items == ["before": 1])
        }
        root["at last"] = 2
        let tid = try await connection.commit()
        #expect(root.serial == tid)
        #expect(try await database.read { $0.items == ["before": 1, "at last": 2] })
    }

    @Test func savepointsNestAndThoseAfterTheOneReturnedToAreOver() async throws {
        let connection = try await Database.open(MappingStorage()).connection()
        let root = try await connection.root()
        var savepoints: [Savepoint] = []
        for number in 0..<4 {
            root["n"] = .int(number)
            savepoints.append(try await connection.savepoint())
        }
        try await connection.rollBack(to: savepoints[2])
        #expect(root["n"] == 2)
        try await connection.rollBack(to: savepoints[0])
        #expect(root["n"] == 0)
        for over in savepoints[1...] {
            let error = await #expect(throws: StorageError.self) { try await connection.rollBack(to: over) }
            #expect(error?.code == .invalidArgument)
        }
        try await connection.commit()
        await #expect(throws: StorageError.self) { try await connection.rollBack(to: savepoints[0]) }
        #expect(try await connection.root()["n"] == 0)
    }

    @Test func anAbortForgetsWhatSavepointsHaveWrittenDown() async throws {
        let database = try await Database.open(MappingStorage())
        let connection = database.connection()
        try await connection.transaction { root in
            root["x"] = 1
            root["child"] = .object(PersistentMapping(["n": 1]))
        }
        let root = try await connection.root()
        let child = try #require(try await root.mapping("child"))
        let new = PersistentMapping(["new": true])
        root["x"] = 2
        child["n"] = 2
        root["new"] = .object(new)
        _ = try await connection.savepoint()
        #expect(new.oid != nil)
        child["n"] = 3
        await connection.abort()
        #expect(root["x"] == 1)
        #expect(root["new"] == nil)
        #expect(child["n"] == 1)
        #expect(new.oid == nil)
        #expect(try await connection.commit() == nil)
        // The new object is as new as before.
        root["new"] = .object(new)
        try await connection.commit()
        #expect(try await database.read { try await $0.mapping("new")?["new"]?.bool } == true)
    }

    @Test func objectsThatASavepointWroteDownNeedNotStayInMemory() async throws {
        var options = DatabaseOptions()
        options.cacheSize = 20
        let database = try await Database.open(MappingStorage(), options: options)
        let connection = database.connection()
        try await connection.transaction { root in
            for batch in 0..<20 {
                let mapping = PersistentMapping()
                root[.int(batch)] = .object(mapping)
                for number in 0..<10 { mapping[.int(number)] = .object(PersistentMapping(["n": .int(number)])) }
                _ = try await connection.savepoint()
                let last = try await root.mapping(.int(batch))
                try await last?.mapping(3)?["n"] = "changed"
            }
            #expect(connection.cache.count <= 221)
        }
        try await connection.begin()
        #expect(connection.cache.count <= 20)
        try await database.read { root in
            #expect(root.count == 20)
            for batch in 0..<20 {
                let mapping = try #require(try await root.mapping(.int(batch)))
                #expect(try await mapping.mapping(3)?["n"] == "changed")
                #expect(try await mapping.mapping(4)?["n"] == 4)
            }
        }
    }

    @Test func aPartOfATransactionThatFailsIsTakenBackAlone() async throws {
        let database = try await Database.open(MappingStorage())
        try await database.transaction { root in
            root["kept"] = 1
            let connection = try #require(root.connection)
            await #expect(throws: Failure.self) {
                try await connection.withSavepoint {
                    root["lost"] = 2
                    throw Failure()
                }
            }
            try await connection.withSavepoint { root["more"] = 3 }
        }
        #expect(try await database.read { $0.items == ["kept": 1, "more": 3] })
    }

    @Test func aConflictAfterASavepointRunsTheTransactionAgain() async throws {
        let database = try await Database.open(MappingStorage())
        try await database.transaction { $0["x"] = 0 }
        let other = database.connection()
        var runs = 0
        try await database.connection().transaction { root in
            root["x"] = .int((root["x"]?.int ?? 0) + 1)
            _ = try await root.connection?.savepoint()
            runs += 1
            if runs == 1 { try await other.transaction { $0["x"] = 10 } }
        }
        #expect(runs == 2)
        #expect(try await database.read { $0["x"]?.int } == 11)
    }

    @Test func aNewObjectThatWasTakenBackMustNotBeReferredTo() async throws {
        let database = try await Database.open(MappingStorage())
        let connection = database.connection()
        let root = try await connection.root()
        let (outer, inner) = (PersistentMapping(), PersistentMapping())
        outer["inner"] = .object(inner)
        root["outer"] = .object(outer)
        _ = try await connection.savepoint()
        let oid = try #require(inner.oid)
        await connection.abort()
        // Both are new again, and are stored as such.
        root["outer"] = .object(outer)
        try await connection.commit()
        #expect(inner.oid != nil && inner.oid != oid)
        root["gone"] = .reference(PersistentReference(persistentID: .bytes(oid.bytes)))
        let error = await #expect(throws: StorageError.self) { try await connection.commit() }
        #expect(error?.code == .invalidArgument)
    }
}
