//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing
import ZODBFormat
import ZODBStorage

@testable import ZODB

/// Lists that are persistent objects.
@Suite(.timeLimit(.minutes(1))) struct PersistentListTests {
    @Test func aListIsStoredAsPythonWritesIt() async throws {
        let storage: any Storage = MappingStorage()
        let connection = try await Database.open(storage).connection()
        let list = PersistentList([1, "two", .null])
        try await connection.transaction { $0["list"] = .object(list) }
        let oid = try #require(list.oid)
        let record = try ObjectRecord(try #require(try await storage.load(oid, before: .max)).data)
        #expect(record.classDescription == .global(PickleGlobal("persistent.list", "PersistentList")))
        #expect(record.state == ["data": [1, "two", nil]])
    }

    @Test func everyOperationIsStoredAndTakenBackByAnAbort() async throws {
        let database = try await Database.open(MappingStorage())
        let connection = database.connection()
        let list = PersistentList((0..<10).map { .int($0) })
        try await connection.transaction { $0["list"] = .object(list) }
        let operations: [(PersistentList) -> Void] = [
            { $0.append(10) }, { $0.append(contentsOf: [11, 12]) }, { $0.insert(-1, at: 0) }, { $0[3] = "three" },
            { $0.remove(at: 4) }, { _ = $0.popLast() }, { $0.replaceSubrange(2..<4, with: ["x", "y", "z"]) },
            { $0.removeAll { $0 == 7 } }, { $0.elements.reverse() }, { $0.removeAll() },
        ]
        for operation in operations {
            let before = list.elements
            operation(list)
            #expect(list.isChanged)
            let after = list.elements
            #expect(after != before)
            await connection.abort()
            #expect(list.elements == before)
            operation(list)
            try await connection.commit()
            let other = database.connection()
            #expect(try await other.root().list("list")?.elements == after)
            await other.close()
        }
        #expect(list.popLast() == nil)
        list.removeAll()
        #expect(!list.isChanged)
    }

    @Test func aListIsACollectionAndItsObjectsAreLoaded() async throws {
        let database = try await Database.open(MappingStorage())
        try await database.transaction { root in
            root["list"] = .object(PersistentList([.object(PersistentMapping(["n": 1])), "text"]))
        }
        try await database.read { root in
            let list = try #require(try await root.list("list"))
            #expect(list.count == 2)
            #expect(list.last == "text")
            #expect(try await list.mapping(at: 0)["n"] == 1)
            await #expect(throws: StorageError.self) { _ = try await list.object(at: 1) }
            await #expect(throws: StorageError.self) { _ = try await root.mapping("list") }
        }
    }

    @Test func otherNamesOfTheClassAndAttributesStay() throws {
        let state: PickleValue = ["note": .set([1]), "data": [2]]
        for name in PersistentList.knownClasses {
            let record = ObjectRecord(classDescription: .global(name), state: state)
            let list = try #require(try PersistentObject.read(record.bytes, .root) as? PersistentList)
            list.append(3)
            #expect(list.classDescription == .global(name))
            #expect(list.state["note"] == .set([1]))
            #expect(list.state["data"] == [2, 3])
        }
        for broken: PickleValue in [nil, [:], ["data": "x"]] {
            let record = ObjectRecord(classDescription: .global(PersistentList.currentClass), state: broken)
            #expect(throws: FormatError.self) { try PersistentObject.read(record.bytes, .root) }
        }
    }
}
