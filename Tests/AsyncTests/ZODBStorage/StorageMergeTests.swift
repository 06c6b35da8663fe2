//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Synchronization
import Testing
import ZODBFormat

@testable import ZODBStorage

@Suite(.timeLimit(.minutes(1))) struct StorageMergeTests {
    private let a = ObjectID.numbered(1)
    private let b = ObjectID.numbered(2)

    private func length(_ value: Int) -> ByteBuffer {
        ObjectRecord(classDescription: .global(PickleGlobal("BTrees.Length", "Length")), state: .int(value)).bytes
    }

    private func draft(
        _ stores: [(ObjectID, TransactionID, ByteBuffer)],
        merging: Bool = true,
        origin: UInt64 = 0
    ) -> TransactionDraft {
        var draft = TransactionDraft(operations: stores.map { .store($0.0, serial: $0.1, data: $0.2) }, origin: origin)
        draft.mergesConflicts = merging
        draft.keepsPlaceInConflict = origin != 0
        return draft
    }

    private func value(_ storage: any LocalStorage, _ oid: ObjectID) throws -> PickleValue? {
        try storage.load(oid, before: .max).map { try ObjectRecord($0.data).state }
    }

    private func tid(_ storage: any LocalStorage, _ oid: ObjectID) throws -> TransactionID? {
        try storage.load(oid, before: .max)?.tid
    }

    /// Commits lengths one after another and returns their serials.
    private func commit(_ values: [Int], to storage: any LocalStorage) async throws -> [TransactionID] {
        var serials: [TransactionID] = []
        for value in values {
            let draft = self.draft([(self.a, serials.last ?? .zero, self.length(value))])
            serials.append(try await storage.finish(try await storage.prepare(draft)))
        }
        return serials
    }

    @Test(arguments: StorageKind.allCases) func whatCanBeMergedIsMergedAndNamed(_ kind: StorageKind) async throws {
        try await kind.withStorage { storage in
            let serials = try await self.commit([10, 13, 20], to: storage)
            let vote = try await storage.prepare(
                self.draft([(self.a, serials[0], self.length(8)), (self.b, .zero, self.length(1))])
            )
            #expect((await storage.mergedObjects(of: vote)) == [self.a])
            let tid = try await storage.finish(vote)
            #expect(try self.value(storage, self.a) == .int(18))
            #expect(try self.tid(storage, self.a) == tid)
            #expect((await storage.mergedObjects(of: vote)) == [])
        }
    }

    @Test(arguments: StorageKind.allCases) func whoDoesNotAskForMergingHearsOfConflicts(_ kind: StorageKind)
        async throws
    {
        try await kind.withStorage { storage in
            let serials = try await self.commit([10, 13], to: storage)
            let draft = self.draft([(self.a, serials[0], self.length(8))], merging: false)
            guard case .conflicts(let conflicts) = try await storage.vote(draft) else {
                Issue.record("no conflict")
                return
            }
            #expect(conflicts == [.init(oid: self.a, committed: serials[1], read: serials[0], data: self.length(8))])
        }
    }

    @Test(arguments: StorageKind.allCases) func onlyWhatCannotBeMergedIsAConflict(_ kind: StorageKind) async throws {
        try await kind.withStorage { storage in
            let serials = try await self.commit([10, 13], to: storage)
            let other = try await storage.commit(self.b, .zero, "one")
            let newer = try await storage.commit(self.b, other, "two")
            let text = ByteBuffer(string: "mine")
            let draft = self.draft([(self.a, serials[0], self.length(8)), (self.b, other, text)])
            guard case .conflicts(let conflicts) = try await storage.vote(draft) else {
                Issue.record("no conflict")
                return
            }
            #expect(conflicts == [.init(oid: self.b, committed: newer, read: other, data: text)])
            #expect(try self.value(storage, self.a) == .int(13))
        }
    }

    @Test(arguments: StorageKind.allCases) func aStartThatIsNotThereIsAConflict(_ kind: StorageKind) async throws {
        try await kind.withStorage { storage in
            let serials = try await self.commit([10, 13], to: storage)
            for start in [TransactionID.zero, TransactionID(rawValue: serials[0].rawValue + 1), .max] {
                let outcome = try await storage.vote(self.draft([(self.a, start, self.length(8))]))
                guard case .conflicts(let conflicts) = outcome else {
                    Issue.record("no conflict")
                    return
                }
                #expect(conflicts.map(\.read) == [start])
            }
        }
    }

    @Test func whatIsQueuedIsWaitedForAndMerged() async throws {
        try await withTestDisk { storage, disk, _ in
            let serials = try await self.commit([10], to: storage)
            disk.hold()
            let queued = Task {
                try await storage.finish(try await storage.prepare(self.draft([(self.a, serials[0], self.length(13))])))
            }
            try await eventually("the disk works") { disk.isHoldingSynchronization }
            let vote = Task { try await storage.prepare(self.draft([(self.a, serials[0], self.length(8))])) }
            try await eventually("the vote waits") { storage.waitingForPublicationCount == 1 }
            disk.release()
            _ = try await queued.value
            _ = try await storage.finish(try await vote.value)
            #expect(try self.value(storage, self.a) == .int(11))
        }
    }

    @Test func undoMergesLaterChanges() async throws {
        try await StorageKind.file.withStorage { storage in
            let serials = try await self.commit([10, 13, 20], to: storage)
            var draft = TransactionDraft(operations: [.undo(serials[1])])
            await #expect(throws: StorageError.self) { try await storage.vote(draft) }
            draft.mergesConflicts = true
            let vote = try await storage.prepare(draft)
            #expect((await storage.mergedObjects(of: vote)) == [self.a])
            _ = try await storage.finish(vote)
            #expect(try self.value(storage, self.a) == .int(17))
        }
    }

    @Test func compressedRecordsAreMergedIntoCompressedOnes() throws {
        func bucket(_ keys: [Int]) throws -> ByteBuffer {
            let items = PickleValue.tuple(keys.flatMap { [.int($0), .int(0)] })
            let name = PickleValue.global(PickleGlobal("BTrees.IIBTree", "IIBucket"))
            return try CompressedRecord.compressed(
                ObjectRecord(classDescription: name, state: .tuple([items])).bytes
            )
        }
        let keys = Array(0..<50)
        let new = try bucket(keys + [61])
        #expect(CompressedRecord.isCompressed(new))
        #expect(ConflictMerge.understands(new))
        let merged = try #require(
            try ConflictMerge.mergedRecord(old: bucket(keys), committed: bucket(keys + [60]), new: new)
        )
        #expect(CompressedRecord.isCompressed(merged))
        let expected = try CompressedRecord.expanded(bucket(keys + [60, 61]))
        #expect(try ObjectRecord(CompressedRecord.expanded(merged)) == ObjectRecord(expected))
    }

    // MARK: Places that are kept

    @Test(arguments: StorageKind.allCases) func thePlaceIsKeptForTheNextVoteOfTheSameOrigin(_ kind: StorageKind)
        async throws
    {
        try await kind.withStorage { storage in
            let one = try await storage.commit(self.a, .zero, "one")
            let two = try await storage.commit(self.a, one, "two")
            let mine = self.draft([(self.a, one, ByteBuffer(string: "mine"))], origin: 7)
            guard case .conflicts = try await storage.vote(mine) else {
                Issue.record("no conflict")
                return
            }
            let order = OrderOfEvents()
            let other = Task {
                let vote = try await storage.prepare(self.draft([(self.b, .zero, ByteBuffer(string: "other"))]))
                order.note("other")
                return try await storage.finish(vote)
            }
            let merged = try await storage.prepare(self.draft([(self.a, two, ByteBuffer(string: "merged"))], origin: 7))
            order.note("mine")
            _ = try await storage.finish(merged)
            _ = try await other.value
            #expect(order.events == ["mine", "other"])
        }
    }

    @Test(arguments: StorageKind.allCases) func aPlaceThatIsYieldedOrClosedHoldsUpNobody(_ kind: StorageKind)
        async throws
    {
        try await kind.withStorage { storage in
            let one = try await storage.commit(self.a, .zero, "one")
            try await storage.commit(self.a, one, "two")
            let mine = self.draft([(self.a, one, ByteBuffer(string: "mine"))], origin: 7)
            _ = try await storage.vote(mine)
            let other = Task { try await storage.commit(self.b, .zero, "other") }
            await storage.yieldPlace(of: 8)
            await storage.yieldPlace(of: 7)
            _ = try await other.value
            // Closing does not wait for anybody who resolves.
            _ = try await storage.vote(mine)
        }
    }
}

/// What happened, in its order.
private final class OrderOfEvents: Sendable {
    private let noted = Mutex<[String]>([])
    var events: [String] { self.noted.withLock { $0 } }
    func note(_ event: String) { self.noted.withLock { $0.append(event) } }
}
