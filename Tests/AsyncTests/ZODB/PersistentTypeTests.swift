//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing
import ZODBFormat
import ZODBStorage

@testable import ZODB

/// Swift types that stand for Python classes.
@Suite(.timeLimit(.minutes(1))) struct PersistentTypeTests {
    struct Thing: PythonClass, Equatable {
        static let pythonClass = PickleGlobal("app", "Thing")
        var name: String
        var count: UInt8
        var ratio: Double?
        var parts: [Part] = []
        var table: [String: Int] = [:]
    }

    struct Part: PythonClass, Equatable {
        static let pythonClass = PickleGlobal("app", "Part")
        var label: String
    }

    private static func database(_ storage: any Storage) async throws -> Database {
        var options = DatabaseOptions()
        options.classes.register(Thing.self, alsoKnownAs: PickleGlobal("old.app", "Thing"))
        return try await Database.open(storage, options: options)
    }

    private static func record(_ state: PickleValue, _ module: String = "app") -> ByteBuffer {
        ObjectRecord(classDescription: .global(PickleGlobal(module, "Thing")), state: state).bytes
    }

    @Test func anObjectIsStoredAndReadAsTheType() async throws {
        let storage: any Storage = MappingStorage()
        let database = try await Self.database(storage)
        let thing = Thing(name: "a", count: 255, parts: [Part(label: "x")], table: ["k": 1])
        try await database.transaction { $0["thing"] = .object(try Persistent(thing)) }
        let connection = database.connection()
        let object = try #require(try await connection.root().object("thing") as? Persistent<Thing>)
        #expect(try object.value == thing)
        let part = PickleObject(
            .new,
            callable: .global(Part.pythonClass),
            arguments: .tuple([]),
            state: ["label": "x"]
        )
        let state: PickleValue = [
            "name": "a", "count": 255, "ratio": nil, "parts": .list([.object(part)]), "table": ["k": 1],
        ]
        #expect(object.state == state)
        #expect(object.classDescription == .global(Thing.pythonClass))
    }

    @Test func onlyWhatDiffersIsWrittenAndWhatTheTypeDoesNotNameStays() throws {
        let part = PickleObject(
            .new,
            callable: .global(Part.pythonClass),
            arguments: .tuple([]),
            state: ["label": "x", "unknown": 1]
        )
        let object = try Persistent<Thing>(
            record: Self.record([
                "name": "a", "other": .set([1]), "count": 1, "parts": .list([.object(part), .object(part)]),
                "table": ["a": 1, "b": 2],
            ])
        )
        try object.update { thing in
            thing.parts[1].label = "y"
            thing.parts.append(Part(label: "z"))
            thing.table["a"] = nil
            thing.table["c"] = 3
            thing.ratio = 0.5
        }
        #expect(try object.attributes.attribute("parts")[0].unknown.value == 1)
        #expect(try object.attributes.parts[1].unknown.value == 1)
        #expect(try object.attributes.parts[1].label.value == "y")
        #expect(object.state["other"] == .set([1]))
        #expect(object.state["table"] == ["b": 2, "c": 3])
        #expect(object.state["ratio"] == 0.5)
        try object.update { $0.parts.removeLast(2) }
        #expect(try object.value.parts == [Part(label: "x")])
        #expect(try object.ratio == 0.5)
    }

    @Test func anAbortShowsTheCommittedValueAgain() async throws {
        let database = try await Self.database(MappingStorage())
        let (connection, other) = (database.connection(), database.connection())
        let object = try Persistent(Thing(name: "a", count: 1))
        try await connection.transaction { $0["thing"] = .object(object) }
        try object.update { $0.name = "b" }
        #expect(object.isChanged)
        await connection.abort()
        #expect(try object.name == "a")
        let same = try #require(try await other.root().object("thing") as? Persistent<Thing>)
        try same.update { $0.count = 2 }
        try await other.commit()
        try await connection.begin()
        #expect(try object.count == 2)
    }

    @Test func whatTheTypeDoesNotExpectIsAnErrorWithTheObject() throws {
        let states: [PickleValue] = [["name": 1, "count": 1], ["name": "a", "count": 256], ["count": 1], nil, [1]]
        for state in states {
            let object = try Persistent<Thing>(record: Self.record(state))
            object.oid = ObjectID(rawValue: 7)
            let error = #expect(throws: FormatError.self) { try object.value }
            #expect(error?.subject == "record of object 0x0000000000000007")
        }
    }

    @Test func anObjectKeepsTheNameUnderWhichItWasWritten() throws {
        var classes = PythonClasses()
        classes.register(Thing.self, alsoKnownAs: PickleGlobal("old.app", "Thing"))
        let state: PickleValue = ["name": "a", "count": 1, "parts": [], "table": [:]]
        let object = try PersistentObject.read(Self.record(state, "old.app"), .root, classes)
        try #require(object as? Persistent<Thing>).update { $0.name = "b" }
        #expect(try ObjectRecord(object.record).className == PickleGlobal("old.app", "Thing"))
        #expect(try #require(object as? Persistent<Thing>).value == Thing(name: "b", count: 1))
    }
}
