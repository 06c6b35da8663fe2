//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing
import ZODBFormat
import ZODBStorage

@testable import ZODB

/// Objects of classes that Swift does not know.
@Suite(.timeLimit(.minutes(1))) struct OpaqueObjectTests {
    private static let head: [UInt8] = Array("\u{80}\u{2}capp\nThing\nq\u{0}.".unicodeScalars.map { UInt8($0.value) })

    private static func record(_ state: [UInt8]) -> ByteBuffer { ByteBuffer(bytes: self.head + state) }

    private static func pickle(_ text: String) -> [UInt8] { text.unicodeScalars.map { UInt8($0.value) } }

    private static func bytes(_ object: OpaqueObject) -> [UInt8] { Array(object.record.readableBytesView) }

    @Test func onlyTheBytesOfTheValueChange() throws {
        // {'a': 1, 'b': [2], 'c': 'x'}, with memo entries that nothing names.
        let state = Self.pickle(
            "\u{80}\u{2}}q\u{2}(U\u{1}aq\u{3}K\u{1}U\u{1}bq\u{4}]q\u{5}K\u{2}aU\u{1}cq\u{6}U\u{1}xq\u{7}u."
        )
        let object = try OpaqueObject(record: Self.record(state))
        #expect(Self.bytes(object) == Self.head + state)
        try object.b[0].set(7)
        var expected = state
        expected[expected.firstIndex(of: 0x4b).map { $0 + 10 } ?? 0] = 7
        #expect(Self.bytes(object).count == (Self.head + state).count)
        #expect(zip(Self.bytes(object), Self.head + state).filter { $0 != $1 }.map(\.0) == [7])
        try object.b.append("more")
        try object.a.remove()
        #expect(
            object.state
                == .dict([
                    PickleItem(.bytes(ByteBuffer(string: "b")), [7, "more"]),
                    PickleItem(.bytes(ByteBuffer(string: "c")), .bytes(ByteBuffer(string: "x"))),
                ])
        )
    }

    @Test func manyChangesOfOneValueDoNotMakeTheRecordLonger() throws {
        let value = ObjectRecord(
            classDescription: .global(PickleGlobal("app", "Thing")),
            state: ["n": 1, "m": ["x", 2]]
        )
        let object = try OpaqueObject(record: value.bytes)
        try object.n.set(2)
        let size = object.record.readableBytes
        for round in 0..<100 {
            try object.n.set(.int(round))
            try object.m[0].set("y")
        }
        #expect(object.record.readableBytes == size)
        #expect(object.state == ["n": 99, "m": ["y", 2]])
    }

    @Test func whatIsSharedStaysSharedAndWhatOthersNameIsMadeAsBefore() throws {
        // {'a': ['s'], 'b': memo of a's list, 'c': memo of 's'}
        let state = Self.pickle("\u{80}\u{2}}q\u{2}(U\u{1}a]q\u{3}U\u{1}sq\u{4}aU\u{1}bh\u{3}U\u{1}ch\u{4}u.")
        let object = try OpaqueObject(record: Self.record(state))
        try object.b.append(2)
        #expect(try object.a.value == object.b.value)
        try object.a.set(.null)
        #expect(try object.a.value == .null)
        #expect(try object.b[1].value == 2)
        #expect(try object.c.value == .bytes(ByteBuffer(string: "s")))
        let size = object.record.readableBytes
        try object.a.set(.null)
        #expect(object.record.readableBytes == size)
        try object.a.remove()
        #expect(object.attributes.attributeNames == ["b", "c"])
        #expect(try object.b[0].value == .bytes(ByteBuffer(string: "s")))
        try object.b.remove()
        try object.c.remove()
        try object.c.remove()
        #expect(object.state == [:])
    }

    @Test func framesAndImpliedMemoNumbersOfLaterProtocolsAreKeptRight() throws {
        // Protocol 4: {'a': 'one', 'b': 'one'}, the text remembered without a number, in a frame.
        let inner = Self.pickle("}\u{94}(\u{8c}\u{1}a\u{94}\u{8c}\u{3}one\u{94}\u{8c}\u{1}b\u{94}h\u{3}u.")
        let state = [0x80, 4, 0x95] + withUnsafeBytes(of: UInt64(inner.count).littleEndian, Array.init) + inner
        let object = try OpaqueObject(record: Self.record(state))
        #expect(try object.b.value == "one")
        try object.a.set("two")
        #expect(object.state == ["a": "two", "b": "one"])
        try object.new.set(true)
        #expect(object.state == ["a": "two", "b": "one", "new": true])
    }

    @Test func anAbortReturnsToTheRecordAndACommitStoresNewObjects() async throws {
        let storage: any Storage = MappingStorage()
        let database = try await Database.open(storage)
        let oid = try await storage.newObjectIDs(1)[0]
        let record = ObjectRecord(classDescription: .global(PickleGlobal("app", "Thing")), state: ["n": 1]).bytes
        guard
            case .prepared(let vote) = try await storage.vote(
                .init(operations: [.store(oid, serial: .zero, data: record)])
            )
        else { throw CancellationError() }
        _ = try await storage.finish(vote)
        let connection = database.connection()
        let thing = try #require(try await connection.object(oid) as? OpaqueObject)
        try thing.child.set(.object(PersistentMapping(["deep": 1])))
        #expect(thing.isChanged)
        await connection.abort()
        #expect(thing.record == record)
        #expect(!thing.child.exists)
        try thing.child.set(.object(PersistentMapping(["deep": 2])))
        try thing.forgotten.set(.object(PersistentMapping()))
        try thing.forgotten.set(3)
        let savepoint = try await connection.savepoint()
        try thing.child.set(.null)
        try await connection.rollBack(to: savepoint)
        try await connection.commit()
        #expect(try await storage.statistics().objectCount == 3)
        let other = database.connection()
        let same = try #require(try await other.object(oid) as? OpaqueObject)
        #expect((try await same.child.load() as? PersistentMapping)?["deep"] == 2)
        #expect(try same.attributes["forgotten"].value == 3)
        // What another connection changes is seen.
        try same.n.set(5)
        try await other.commit()
        try await connection.begin()
        #expect(try thing.n.value == 5)
    }

    @Test func hostileRecordsAreErrorsWithTheirObject() throws {
        let bomb = "(" + String(repeating: "(", count: 20_000) + String(repeating: "t", count: 20_000)
        var laughs = "]q\u{1}"
        for level in 1..<60 {
            laughs +=
                "]q\(Character(UnicodeScalar(UInt8(level + 1))))("
                + String(repeating: "h\(Character(UnicodeScalar(UInt8(level))))", count: 50) + "e"
        }
        let states = [
            "}U\u{1}a" + bomb + "s.", "}U\u{1}a" + laughs + "s.", "}(U\u{ff}a", "", "s.", "}(K\u{1}u.", "]}b.",
            "h\u{9}.", "}B\u{ff}\u{ff}\u{ff}\u{7f}.", "\u{82}\u{1}.",
        ]
        for (number, state) in states.enumerated() {
            let oid = ObjectID(rawValue: UInt64(number + 1))
            let error = #expect(throws: FormatError.self, "\(number)") {
                let object = try PersistentObject.read(Self.record(Self.pickle(state)), oid)
                object.oid = oid
                _ = try (object as? OpaqueObject)?.a.value
            }
            #expect(error?.subject == "record of object \(oid)", "\(number)")
        }
    }
}
