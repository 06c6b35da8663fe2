//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import Testing
import ZODBFormat

@testable import ZODBStorage

@Suite(.timeLimit(.minutes(1))) struct DemoStorageTests {
    private let a = ObjectID.numbered(1)
    private let b = ObjectID.numbered(2)
    private let c = ObjectID.numbered(3)

    @Test func changesAreLaidOverTheBase() async throws {
        let base = MappingStorage()
        let first = try await base.commit([(a, .zero, "base a"), (b, .zero, "base b")])
        let second = try await base.commit(a, first, "base a again")
        let demo = try DemoStorage(base: base)
        #expect(try demo.lastTransaction() == second)
        #expect(try demo.statistics().objectCount == 0)
        let third = try await demo.commit([(a, second, "changed a"), (c, .zero, "new c")])
        let fourth = try await demo.commit(a, third, "changed a again")

        #expect(try demo.lastTransaction() == fourth)
        #expect(try base.lastTransaction() == second, "the base stays as it is")
        #expect(try demo.statistics().objectCount == 2)
        #expect(try await demo.text(a) == "changed a again")
        #expect(try await demo.text(b) == "base b")
        #expect(try await demo.text(c) == "new c")
        let texts: [(before: TransactionID, text: String?, tid: TransactionID?, next: TransactionID?)] = [
            (.max, "changed a again", fourth, nil), (fourth.successor, "changed a again", fourth, nil),
            (fourth, "changed a", third, fourth), (third, "base a again", second, third),
            (second, "base a", first, second), (first, nil, nil, nil),
        ]
        for expected in texts {
            let revision = try demo.load(a, before: expected.before)
            #expect(revision.map { String(buffer: $0.data) } == expected.text)
            #expect(revision?.tid == expected.tid)
            #expect(revision?.next == expected.next)
            #expect(try demo.serial(of: a, before: expected.before) == expected.tid)
        }
        #expect(try demo.load(c, before: third) == nil)
        #expect(try demo.load(a, at: first) == ByteBuffer(string: "base a"))
        #expect(try demo.load(a, at: third) == ByteBuffer(string: "changed a"))
        #expect(throws: StorageError.self) { try demo.load(b, at: third) }
        #expect(throws: StorageError.self) { try demo.load(.numbered(9), before: .max) }
        #expect(try await demo.recentTransactions(after: .zero, limit: 3).map(\.tid) == [second, third, fourth])
        #expect(try await demo.recentTransactions(after: first, limit: 9).map(\.tid) == [second, third, fourth])
        try await demo.close()
    }

    @Test func storesAndReadsAreComparedWithBothLayers() async throws {
        let base = MappingStorage()
        let first = try await base.commit([(a, .zero, "base a"), (b, .zero, "base b")])
        let demo = try DemoStorage(base: base)
        func conflicts(_ operation: TransactionDraft.Operation) async throws -> [TransactionID] {
            switch try await demo.vote(TransactionDraft(operations: [operation])) {
            case .conflicts(let conflicts): return conflicts.map(\.committed)
            case .prepared(let vote):
                await demo.abort(vote)
                return []
            }
        }
        let text = ByteBuffer(string: "mine")
        #expect(try await conflicts(.store(a, serial: .zero, data: text)) == [first])
        #expect(try await conflicts(.store(a, serial: first, data: text)) == [])
        #expect(try await conflicts(.checkCurrent(b, serial: first)) == [])
        let second = try await demo.commit(a, first, "changed a")
        #expect(try await conflicts(.store(a, serial: first, data: text)) == [second])
        #expect(try await conflicts(.checkCurrent(a, serial: second)) == [])
        for (oid, serial, code) in [
            (a, first, StorageError.Code.readConflict), (b, second, .readConflict), (c, first, .noSuchObject),
        ] {
            let error = await #expect(throws: StorageError.self) {
                try await conflicts(.checkCurrent(oid, serial: serial))
            }
            #expect(error?.code == code)
        }
        try await demo.commit(b, first, "the place is free")
        try await demo.close()
    }

    @Test func newIdentifiersCollideWithNeitherLayer() async throws {
        let (base, changes) = (MappingStorage(), MappingStorage())
        try await base.commit(.numbered(1001), .zero, "in the base")
        try await changes.commit(.numbered(2000), .zero, "in the changes")
        let starts = Counter(1000)
        let demo = try DemoStorage(
            base: base,
            changes: changes,
            clock: systemWallClock,
            firstObjectID: { starts.next(by: 1000) }
        )
        // 1000; 1001 is taken, and so is the next start, 2000; then from 3000 on.
        #expect(try demo.newObjectIDs(3).map(\.rawValue) == [1000, 3000, 3001])
        #expect(throws: StorageError.self) { try demo.newObjectIDs(-1) }
        try await demo.commit(.numbered(3002), .zero, "x")
        #expect(try demo.newObjectIDs(1).map(\.rawValue) == [4000])
        try await demo.close()
    }

    @Test func demoStoragesCanBeNested() async throws {
        let bottom = MappingStorage()
        let first = try await bottom.commit(a, .zero, "bottom")
        let middle = try DemoStorage(base: bottom, closesBase: false)
        let second = try await middle.commit(a, first, "middle")
        let top = try DemoStorage(base: middle, closesBase: false)
        let third = try await top.commit([(a, second, "top"), (b, .zero, "b")])
        #expect(try await top.text(a) == "top")
        #expect(try await middle.text(a) == "middle")
        #expect(
            try top.load(a, before: third) == ObjectRevision(data: .init(string: "middle"), tid: second, next: third)
        )
        #expect(try top.load(a, before: second)?.next == second)
        try await top.close()
        #expect(throws: StorageError.self) { try top.load(a, before: .max) }
        #expect(try await middle.text(a) == "middle", "the base was not closed")
        try await middle.close()
        #expect(try await bottom.text(a) == "bottom")
    }

    @Test func blobsAreLookedForInBothLayers() async throws {
        try await withTemporaryDirectory { folder in
            let base = try FileStorage(.init(path: folder + "/base.fs", blobDirectory: folder + "/base"))
            let first = try await base.commitBlob(a, .zero, "base")
            let demo = try DemoStorage(base: base)
            let second = try await demo.commitBlob(a, first, "changed")
            #expect(try await demo.blobText(a, first) == "base")
            #expect(try await demo.blobText(a, second) == "changed")
            let error = await #expect(throws: StorageError.self) { try await demo.blob(of: b, at: second) }
            #expect(error?.code == .noSuchObject)
            let blobs = try #require(demo.traits.blobDirectory)
            #expect(blobs != folder + "/base" && blobs.hasSuffix(".demoblobs"))
            try await demo.close()
            #expect(!FileManager.default.fileExists(atPath: blobs))

            let without = try DemoStorage(base: MappingStorage(), changes: MappingStorage())
            #expect(without.traits.blobDirectory == nil)
            #expect(without.traits.interfaces == ["IStorage", "IStorageIteration"])
            let missing = await #expect(throws: StorageError.self) { try await without.blob(of: a, at: first) }
            #expect(missing?.code == .noSuchObject)
            try await without.close()
        }
    }

    @Test func observersHearOfTheChanges() async throws {
        let base = MappingStorage()
        let first = try await base.commit(a, .zero, "base")
        let demo = try DemoStorage(base: base)
        let observer = RecordingObserver()
        #expect(try await demo.addObserver(observer) == first)
        let second = try await demo.commit(a, first, "changed")
        #expect(observer.tids == [second])
        await demo.removeObserver(observer)
        try await demo.commit(a, second, "again")
        #expect(observer.tids == [second])
        try await demo.close()
    }

    @Test func garbageOfTheChangesInMemoryIsCollected() async throws {
        let (base, kept, more) = (MappingStorage(), ObjectID.numbered(4), ObjectID.numbered(5))
        let first = try await base.commit([.root: record("root", [a, b]), a: record("a"), b: record("b", [a])])
        let demo = try DemoStorage(base: base)
        // Of the objects that are new, one hangs on the root's new revision, one on that of an object of the base, one on
        // a garbage object alone.
        try await demo.commit([.root: record("root", [a, b, kept]), kept: record("kept", [a, b])])
        let second = try await demo.commit([b: record("changed", [more]), more: record("more", [.root])])
        try await demo.commit([c: record("garbage", [.numbered(6)]), .numbered(6): record("more garbage")])
        let third = try await demo.commit([a: record("nothing")])
        try await demo.packAll()
        for oid in [.root, a, b, kept, more] { #expect(try demo.load(oid, before: .max) != nil) }
        for oid in [c, .numbered(6)] {
            let error = #expect(throws: StorageError.self) { try demo.load(oid, before: .max) }
            #expect(error?.code == .noSuchObject)
        }
        #expect(try demo.load(a, before: .max)?.tid == third)
        #expect(try demo.load(b, before: .max)?.tid == second)
        #expect(try demo.load(b, at: first) == record("b", [a]))
        #expect(try base.statistics().objectCount == 3)
        #expect(try demo.statistics().objectCount == 5)
        try await demo.close()
    }

    @Test func garbageOfGivenChangesIsNotCollected() async throws {
        let demo = try DemoStorage(base: MappingStorage(), changes: MappingStorage())
        let error = await #expect(throws: StorageError.self) {
            try await demo.pack(PackRequest(before: .max, collectsGarbage: true))
        }
        #expect(error?.code == .unsupported)
        try await demo.close()
    }
}
