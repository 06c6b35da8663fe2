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

/// Connections over a storage in memory.
@Suite(.timeLimit(.minutes(1))) struct ConnectionTests {
    let storage: any Storage = MappingStorage()

    @Test func aNewDatabaseHasAnEmptyRootAsPythonWritesIt() async throws {
        let database = try await Database.open(self.storage)
        let revision = try #require(try await self.storage.load(.root, before: .max))
        let record = try ObjectRecord(revision.data)
        #expect(record.classDescription == .global(PickleGlobal("persistent.mapping", "PersistentMapping")))
        #expect(record.state == .dict([PickleItem(.string("data"), .dict([]))]))
        let connection = database.connection()
        #expect(try await connection.root().isEmpty)
        // A second database over the storage finds the root.
        _ = try await Database.open(self.storage)
        #expect(try await self.storage.lastTransaction() == revision.tid)
        await connection.close()
    }

    @Test func whatIsCommittedIsSeenByConnectionsThatBeginLater() async throws {
        let database = try await Database.open(self.storage)
        let (writer, reader) = (database.connection(), database.connection())
        let (written, read) = (try await writer.root(), try await reader.root())
        written["x"] = 1
        #expect(written.isChanged)
        let tid = try await writer.commit(user: "me", note: "x")
        #expect(tid == written.serial)
        #expect(!written.isChanged)
        // The reader's snapshot stays, until it begins anew; the object in its hands is then brought up to date.
        #expect(read["x"] == nil)
        #expect(try await reader.root()["x"] == nil)
        try await reader.begin()
        #expect(read["x"] == 1)
        #expect(read.serial == tid)
        #expect(try await writer.commit() == nil)
    }

    @Test func nothingCanBeRequiredToBeCurrentOutsideOfATransaction() async throws {
        let connection = try await Database.open(self.storage).connection()
        let root = try await connection.root()
        try connection.readCurrent(root)
        #expect(try await connection.commit() == nil)
        let error = #expect(throws: StorageError.self) { try connection.readCurrent(root) }
        #expect(error?.code == .invalidArgument)
    }

    @Test func mappingsOfOlderRecordsAreMappings() async throws {
        let connection = try await Database.open(self.storage).connection()
        let state = PickleValue.dict([PickleItem(.string("data"), .dict([PickleItem(.string("x"), .int(1))]))])
        for (number, arguments) in [PickleValue.none, .tuple([])].enumerated() {
            let oid = ObjectID(rawValue: UInt64(number + 1))
            let record = ObjectRecord(
                classDescription: .tuple([.global(PersistentMapping.currentClass), arguments]),
                state: state
            )
            let draft = TransactionDraft(operations: [.store(oid, serial: .zero, data: record.bytes)])
            guard case .prepared(let vote) = try await self.storage.vote(draft) else {
                Issue.record("there was a conflict")
                return
            }
            _ = try await self.storage.finish(vote)
            try await connection.begin()
            #expect((try await connection.object(oid) as? PersistentMapping)?["x"] == 1)
        }
    }

    @Test func newObjectsAreStoredWithWhatRefersToThem() async throws {
        let database = try await Database.open(self.storage)
        let connection = database.connection()
        try await connection.transaction { root in
            let inner = PersistentMapping(["deep": 7])
            root["outer"] = .object(PersistentMapping(["list": [.tuple([.object(inner)])], "inner": .object(inner)]))
        }
        let other = database.connection()
        let outer = try #require(try await other.root().mapping("outer"))
        let inner = try #require(try await outer.mapping("inner"))
        #expect(inner["deep"] == 7)
        #expect(outer["list"]?.elements?.first?.elements?.first?.reference?.oid == inner.oid)
        #expect(outer["inner"]?.reference?.pythonClass == PersistentMapping.currentClass)
        #expect(try await self.storage.statistics().objectCount == 3)
    }

    @Test func cyclesOfNewObjectsAreStored() async throws {
        let database = try await Database.open(self.storage)
        let connection = database.connection()
        try await connection.transaction { root in
            let (a, b) = (PersistentMapping(), PersistentMapping())
            a["b"] = .object(b)
            b["a"] = .object(a)
            b["root"] = .object(root)
            root["a"] = .object(a)
        }
        let other = database.connection()
        let root = try await other.root()
        let a = try #require(try await root.mapping("a"))
        let b = try #require(try await a.mapping("b"))
        #expect(try await b.mapping("a") === a)
        #expect(try await b.mapping("root") === root)
    }

    @Test func abortReturnsToWhatIsCommitted() async throws {
        let database = try await Database.open(self.storage)
        let connection = database.connection()
        let root = try await connection.root()
        root["x"] = 1
        try await connection.commit()
        root["x"] = 2
        root["y"] = .object(PersistentMapping())
        await connection.abort()
        #expect(root.items == ["x": 1])
        #expect(!root.isChanged)
        #expect(try await connection.commit() == nil)
    }

    @Test func anErrorInTheBodyForgetsTheChanges() async throws {
        struct Failure: Error {}
        let database = try await Database.open(self.storage)
        let connection = database.connection()
        await #expect(throws: Failure.self) {
            try await connection.transaction { root in
                root["x"] = 1
                throw Failure()
            }
        }
        #expect(try await connection.root().isEmpty)
        try await connection.read { $0["x"] = 1 }
        #expect(try await connection.root().isEmpty)
    }

    @Test func aConflictIsReportedWithBothRevisionsAndLeavesTheConnectionUsable() async throws {
        let database = try await Database.open(self.storage)
        let (first, second) = (database.connection(), database.connection())
        let (one, other) = (try await first.root(), try await second.root())
        let read = one.serial
        one["x"] = 1
        other["x"] = 2
        other["new"] = .object(PersistentMapping())
        let committed = try #require(try await first.commit())
        let error = await #expect(throws: StorageError.self) { _ = try await second.commit() }
        #expect(error?.code == .conflict)
        #expect(error?.oid == .root)
        #expect(error?.serials?.committed == committed)
        #expect(error?.serials?.read == read)
        await second.abort()
        #expect(other.items == ["x": 1])
        other["x"] = 3
        try await second.commit()
        try await first.begin()
        #expect(one["x"] == 3)
    }

    @Test func newObjectsOfACommitThatFailedCanBeStoredLater() async throws {
        let database = try await Database.open(self.storage)
        let (first, second) = (database.connection(), database.connection())
        let child = PersistentMapping(["keep": true])
        try await first.root()["child"] = .object(child)
        try await second.transaction { $0["other"] = 1 }
        await #expect(throws: StorageError.self) { _ = try await first.commit() }
        #expect(child.oid == nil)
        await first.abort()
        try await first.transaction { $0["child"] = .object(child) }
        #expect(child.oid != nil)
        try await second.begin()
        #expect(try await second.root().mapping("child")?["keep"] == true)
    }

    @Test func readCurrentTurnsAChangeOfWhatWasReadIntoAConflict() async throws {
        let database = try await Database.open(self.storage)
        let (first, second) = (database.connection(), database.connection())
        try await first.transaction { root in
            root["limit"] = .object(PersistentMapping(["value": 10]))
            root["account"] = .object(PersistentMapping(["value": 5]))
        }
        let limit = try #require(try await first.root().mapping("limit"))
        let account = try #require(try await first.root().mapping("account"))
        try first.readCurrent(limit)
        account["value"] = 9
        try await second.transaction { try await $0.mapping("limit")?["value"] = 7 }
        let error = await #expect(throws: StorageError.self) { _ = try await first.commit() }
        #expect(error?.code == .readConflict || error?.code == .conflict)
        await first.abort()
        #expect(limit["value"] == 7)
        #expect(account["value"] == 5)
    }

    @Test func objectsOfAnotherConnectionAreRefused() async throws {
        let database = try await Database.open(self.storage)
        let (first, second) = (database.connection(), database.connection())
        try await first.transaction { $0["child"] = .object(PersistentMapping()) }
        let child = try #require(try await first.root().mapping("child"))
        let error = await #expect(throws: StorageError.self) {
            try await second.transaction { $0["stolen"] = .object(child) }
        }
        #expect(error?.code == .invalidArgument)
    }

    @Test func classesThatSwiftDoesNotKnowStayAsTheyAre() async throws {
        let database = try await Database.open(self.storage)
        let oid = try await self.storage.newObjectIDs(1)[0]
        let mystery = ObjectRecord(
            classDescription: .tuple([.global(PickleGlobal("app", "Thing")), .tuple([.int(1)])]),
            state: .dict([
                PickleItem(
                    .string("x"),
                    .object(
                        PickleObject(.reduce, callable: .global(PickleGlobal("app", "f")), arguments: .tuple([.int(2)]))
                    )
                )
            ])
        ).bytes
        let root = ObjectRecord(
            classDescription: .global(PersistentMapping.currentClass),
            state: .dict([
                PickleItem(.string("data"), .dict([PickleItem(.string("thing"), .persistentID(.bytes(oid.bytes)))])),
                PickleItem(.string("attribute"), .set([.int(1)])),
            ])
        ).bytes
        let serial = try await self.storage.serial(of: .root, before: .max) ?? .zero
        let draft = TransactionDraft(operations: [
            .store(oid, serial: .zero, data: mystery), .store(.root, serial: serial, data: root),
        ])
        guard case .prepared(let vote) = try await self.storage.vote(draft) else { throw CancellationError() }
        let tid = try await self.storage.finish(vote)

        let connection = database.connection()
        try await connection.transaction { root in
            let thing = try #require(try await root.object("thing") as? OpaqueObject)
            #expect(thing.pythonClass == nil)
            #expect(thing.serial == tid)
            root["again"] = .object(thing)
        }
        #expect(try await self.storage.load(oid, before: .max)?.tid == tid)
        let record = try ObjectRecord(try #require(try await self.storage.load(.root, before: .max)).data)
        guard case .dict(let state) = record.state, case .dict(let items) = state[0].value else {
            throw FormatError("root", "not a mapping")
        }
        #expect(state[1] == PickleItem(.string("attribute"), .set([.int(1)])))
        // The class takes arguments, so the references must not name it.
        #expect(items.map(\.value) == [.persistentID(.bytes(oid.bytes)), .persistentID(.bytes(oid.bytes))])
    }

    @Test func aRecordThatMakesNoSenseIsReportedWithItsObject() async throws {
        let database = try await Database.open(self.storage)
        let serial = try await self.storage.serial(of: .root, before: .max) ?? .zero
        let draft = TransactionDraft(operations: [.store(.root, serial: serial, data: ByteBuffer(string: "nonsense"))])
        guard case .prepared(let vote) = try await self.storage.vote(draft) else { throw CancellationError() }
        _ = try await self.storage.finish(vote)
        let connection = database.connection()
        let error = await #expect(throws: FormatError.self) { _ = try await connection.root() }
        #expect(error?.subject == "record of object 0x0000000000000000")
    }

    @Test func objectsThatNobodyHoldsAreForgottenBeyondTheLimit() async throws {
        var options = DatabaseOptions()
        options.cacheSize = 10
        let database = try await Database.open(self.storage, options: options)
        let connection = database.connection()
        try await connection.transaction { root in
            for index in 0..<50 { root[.int(index)] = .object(PersistentMapping(["n": .int(index)])) }
        }
        let held = try #require(try await connection.root().mapping(3))
        for index in 0..<50 { _ = try await connection.root().mapping(.int(index)) }
        #expect(connection.cache.count == 51)
        try await connection.begin()
        #expect(connection.cache.count == 10)
        #expect(try await connection.root().mapping(3) === held)
    }

    @Test func aClosedConnectionDoesNothingMore() async throws {
        let database = try await Database.open(self.storage)
        let connection = database.connection()
        let root = try await connection.root()
        root["x"] = 1
        await connection.close()
        #expect(root.isEmpty)
        for attempt in 0..<3 {
            let error = await #expect(throws: StorageError.self) {
                switch attempt {
                case 0: _ = try await connection.root()
                case 1: try await connection.commit()
                default: try await connection.transaction { _ in }
                }
            }
            #expect(error?.code == .closed)
        }
        await connection.close()
    }

    @Test func changesOutsideOfATransactionAreNotLostByBeginningOne() async throws {
        let database = try await Database.open(self.storage)
        let connection = database.connection()
        let root = try await connection.root()
        root["x"] = 1
        let error = await #expect(throws: StorageError.self) { try await connection.transaction { $0["y"] = 1 } }
        #expect(error?.code == .invalidArgument)
        #expect(root.items == ["x": 1])
        try await connection.commit()
        #expect(root.items == ["x": 1])
    }
}
