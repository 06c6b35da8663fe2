//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing
import ZODBFormat

@testable import ZODBStorage

/// What every storage promises, shown on each of them.
@Suite(.timeLimit(.minutes(1))) struct StorageBehaviourTests {
    private let a = ObjectID.numbered(1)
    private let b = ObjectID.numbered(2)

    @Test(arguments: StorageKind.allCases)
    func emptyStorageHoldsNothing(_ kind: StorageKind) async throws {
        try await kind.withStorage { storage in
            let last = try await storage.lastTransaction()
            #expect(last == .zero)
            #expect(try await storage.statistics().objectCount == 0)
            #expect(try await storage.recentTransactions(after: .zero, limit: 10).isEmpty)
            let error = await #expect(throws: StorageError.self) { try await storage.load(.root, before: .max) }
            #expect(error?.code == .noSuchObject)
            #expect(error?.oid == .root)
        }
    }

    @Test(arguments: StorageKind.allCases)
    func committedRevisionsCanBeLoadedAtEveryTime(_ kind: StorageKind) async throws {
        try await kind.withStorage { storage in
            let first = try await storage.commit(a, .zero, "one")
            let second = try await storage.commit([(a, first, "two"), (b, .zero, "other")])
            let third = try await storage.commit(a, second, "three")
            #expect(first < second)
            #expect(second < third)
            #expect(try await storage.lastTransaction() == third)

            let current = try #require(try await storage.load(a, before: .max))
            #expect(current == ObjectRevision(data: ByteBuffer(string: "three"), tid: third, next: nil))
            let middle = try #require(try await storage.load(a, before: third))
            #expect(middle == ObjectRevision(data: ByteBuffer(string: "two"), tid: second, next: third))
            let oldest = try #require(try await storage.load(a, before: first.successor))
            #expect(oldest == ObjectRevision(data: ByteBuffer(string: "one"), tid: first, next: second))
            #expect(try await storage.load(a, before: first) == nil)
            #expect(try await storage.load(b, before: second) == nil)
            #expect(try await storage.serial(of: a, before: .max) == third)
            #expect(try await storage.serial(of: a, before: third) == second)
            #expect(try await storage.serial(of: a, before: first) == nil)
            await #expect(throws: StorageError.self) { try await storage.serial(of: .numbered(99), before: .max) }
            #expect(try await storage.statistics().objectCount == 2)
        }
    }

    @Test(arguments: StorageKind.allCases)
    func revisionsCanBeLoadedByTheirSerialAlone(_ kind: StorageKind) async throws {
        try await kind.withStorage { storage in
            let first = try await storage.commit(a, .zero, "one")
            let second = try await storage.commit(b, .zero, "other")
            let third = try await storage.commit(a, first, "three")
            #expect(try await storage.load(a, at: first) == ByteBuffer(string: "one"))
            #expect(try await storage.load(a, at: third) == ByteBuffer(string: "three"))
            for (oid, tid) in [(a, second), (a, third.successor), (a, .zero), (.numbered(9), first)] {
                let error = await #expect(throws: StorageError.self) { try await storage.load(oid, at: tid) }
                #expect(error?.code == .noSuchObject)
            }
        }
    }

    @Test(arguments: StorageKind.allCases)
    func storeOverAnotherRevisionIsAConflict(_ kind: StorageKind) async throws {
        try await kind.withStorage { storage in
            let first = try await storage.commit([(a, .zero, "one"), (b, .zero, "one")])
            let second = try await storage.commit(a, first, "two")
            let draft = TransactionDraft(operations: [
                .store(a, serial: first, data: ByteBuffer(string: "mine")),
                .store(b, serial: first, data: ByteBuffer(string: "mine too")),
                .store(.numbered(3), serial: .zero, data: ByteBuffer(string: "new")),
            ])
            guard case .conflicts(let conflicts) = try await storage.vote(draft) else {
                Issue.record("the vote was prepared")
                return
            }
            let expected = ObjectConflict(oid: a, committed: second, read: first, data: ByteBuffer(string: "mine"))
            #expect(conflicts == [expected])
            // Nothing is held: the next vote gets its turn, and nothing of the draft was stored.
            try await storage.commit(b, first, "two")
            await #expect(throws: StorageError.self) { try await storage.load(.numbered(3), before: .max) }
        }
    }

    @Test(arguments: StorageKind.allCases)
    func storeOfANewObjectOverACommittedOneIsAConflict(_ kind: StorageKind) async throws {
        try await kind.withStorage { storage in
            let first = try await storage.commit(a, .zero, "one")
            let draft = TransactionDraft(operations: [.store(a, serial: .zero, data: ByteBuffer(string: "new"))])
            guard case .conflicts(let conflicts) = try await storage.vote(draft) else {
                Issue.record("the vote was prepared")
                return
            }
            #expect(conflicts.map(\.committed) == [first])
            #expect(conflicts.map(\.read) == [.zero])
        }
    }

    @Test(arguments: StorageKind.allCases)
    func storeOfAMissingObjectFitsWhateverItsSerial(_ kind: StorageKind) async throws {
        try await kind.withStorage { storage in
            let tid = try await storage.commit(a, TransactionID(rawValue: 42), "brought along")
            #expect(try await storage.load(a, before: .max)?.tid == tid)
        }
    }

    @Test(arguments: StorageKind.allCases)
    func lastStoreOfAnObjectCounts(_ kind: StorageKind) async throws {
        try await kind.withStorage { storage in
            let first = try await storage.commit(a, .zero, "one")
            let second = try await storage.commit(a, first, "two")
            // The first store of the draft is stale, the second one is its resolution.
            let third = try await storage.commit([(a, first, "stale"), (b, .zero, "b"), (a, second, "resolved")])
            #expect(try await storage.text(a) == "resolved")
            let last = try await storage.recentTransactions(after: second, limit: 5)
            #expect(last == [CommittedTransaction(tid: third, oids: [a, b], origin: last.first?.origin ?? 0)])
        }
    }

    @Test(arguments: StorageKind.allCases)
    func recordWithoutDataIsRefused(_ kind: StorageKind) async throws {
        try await kind.withStorage { storage in
            let draft = TransactionDraft(operations: [.store(a, serial: .zero, data: ByteBuffer())])
            let error = await #expect(throws: StorageError.self) { try await storage.vote(draft) }
            #expect(error?.code == .invalidArgument)
            try await storage.commit(a, .zero, "something")
        }
    }

    @Test(arguments: StorageKind.allCases)
    func staleReadIsAReadConflict(_ kind: StorageKind) async throws {
        try await kind.withStorage { storage in
            let first = try await storage.commit(a, .zero, "one")
            let second = try await storage.commit(a, first, "two")
            let stale = TransactionDraft(operations: [
                .checkCurrent(a, serial: first), .store(b, serial: .zero, data: ByteBuffer(string: "b")),
            ])
            let error = await #expect(throws: StorageError.self) { try await storage.vote(stale) }
            #expect(error?.code == .readConflict)
            #expect(error?.oid == a)
            #expect(error?.serials?.committed == second)
            #expect(error?.serials?.read == first)
            let missing = TransactionDraft(operations: [.checkCurrent(.numbered(9), serial: .zero)])
            let other = await #expect(throws: StorageError.self) { try await storage.vote(missing) }
            #expect(other?.code == .noSuchObject)
            let fresh = TransactionDraft(operations: [.checkCurrent(a, serial: second)])
            let tid = try await storage.finish(try await storage.prepare(fresh))
            #expect(try await storage.lastTransaction() == tid)
            #expect(try await storage.load(a, before: .max)?.tid == second)
        }
    }

    @Test(arguments: StorageKind.allCases)
    func preparedVoteHoldsOthersBackUntilItIsAborted(_ kind: StorageKind) async throws {
        try await kind.withStorage { storage in
            let first = try await storage.commit(a, .zero, "one")
            let held = try await storage.prepare(
                TransactionDraft(operations: [.store(a, serial: first, data: ByteBuffer(string: "given up"))])
            )
            let waiting = Task { try await storage.commit(a, first, "two") }
            #expect(try await storage.text(a) == "one", "readers do not wait")
            await storage.abort(held)
            let second = try await waiting.value
            #expect(try await storage.load(a, before: .max)?.tid == second)
            let error = await #expect(throws: StorageError.self) { try await storage.finish(held) }
            #expect(error?.code == .noSuchVote)
            await storage.abort(held)
        }
    }

    @Test(arguments: StorageKind.allCases)
    func finishedVoteIsGone(_ kind: StorageKind) async throws {
        try await kind.withStorage { storage in
            let draft = TransactionDraft(operations: [.store(a, serial: .zero, data: ByteBuffer(string: "one"))])
            let vote = try await storage.prepare(draft)
            let tid = try await storage.finish(vote)
            let error = await #expect(throws: StorageError.self) { try await storage.finish(vote) }
            #expect(error?.code == .noSuchVote)
            await storage.abort(vote)
            #expect(try await storage.lastTransaction() == tid)
        }
    }

    @Test(arguments: StorageKind.allCases)
    func tidsRiseWhenTheClockStepsBack(_ kind: StorageKind) async throws {
        let clock = TestClock()
        try await kind.withStorage(clock: clock.read) { storage in
            let first = try await storage.commit(a, .zero, "one")
            let second = try await storage.commit(a, first, "two")
            clock.advance(by: .seconds(-3600))
            let third = try await storage.commit(a, second, "three")
            clock.advance(by: .seconds(7200))
            let fourth = try await storage.commit(a, third, "four")
            #expect(second == first.successor)
            #expect(third == second.successor)
            #expect(fourth > third.successor)
        }
    }

    @Test(arguments: StorageKind.withIdentifiersInOrder)
    func newObjectIDsAreNeverInUse(_ kind: StorageKind) async throws {
        try await kind.withStorage { storage in
            #expect(try await storage.newObjectIDs(2) == [.numbered(1), .numbered(2)])
            try await storage.commit(.numbered(10), .zero, "far away")
            #expect(try await storage.newObjectIDs(3) == [.numbered(11), .numbered(12), .numbered(13)])
            #expect(try await storage.newObjectIDs(0) == [])
            await #expect(throws: StorageError.self) { try await storage.newObjectIDs(-1) }
            // A vote reserves what it stores, even before it is finished.
            let draft = TransactionDraft(operations: [
                .store(.numbered(20), serial: .zero, data: ByteBuffer(string: "x"))
            ])
            let vote = try await storage.prepare(draft)
            #expect(try await storage.newObjectIDs(1) == [.numbered(21)])
            await storage.abort(vote)
        }
    }

    @Test(arguments: StorageKind.allCases)
    func recentTransactionsAreTheNewestOldestFirst(_ kind: StorageKind) async throws {
        try await kind.withStorage { storage in
            var tids: [TransactionID] = []
            for number in 0..<6 {
                tids.append(try await storage.commit(.numbered(UInt64(number)), .zero, "\(number)"))
            }
            #expect(try await storage.recentTransactions(after: .zero, limit: 100).map(\.tid) == tids)
            #expect(try await storage.recentTransactions(after: tids[2], limit: 100).map(\.tid) == Array(tids[3...]))
            #expect(try await storage.recentTransactions(after: tids[0], limit: 2).map(\.tid) == Array(tids[4...]))
            #expect(try await storage.recentTransactions(after: .zero, limit: 0).isEmpty)
            #expect(try await storage.recentTransactions(after: tids[4], limit: 9).map(\.oids) == [[.numbered(5)]])
        }
    }

    @Test(arguments: StorageKind.allCases)
    func closedStorageRefusesEverything(_ kind: StorageKind) async throws {
        try await kind.withStorage { storage in
            let first = try await storage.commit(a, .zero, "one")
            let held = try await storage.prepare(TransactionDraft())
            let waiting = Task { try await storage.commit(a, first, "two") }
            try await storage.close()
            let waiter = await #expect(throws: StorageError.self) { try await waiting.value }
            #expect(waiter?.code == .closed)
            let calls: [() async throws -> Void] = [
                { _ = try await storage.finish(held) },
                { _ = try await storage.load(a, before: .max) },
                { _ = try await storage.load(a, at: first) },
                { _ = try await storage.serial(of: a, before: .max) },
                { _ = try await storage.lastTransaction() },
                { _ = try await storage.statistics() },
                { _ = try await storage.newObjectIDs(1) },
                { _ = try await storage.vote(TransactionDraft()) },
                { _ = try await storage.recentTransactions(after: .zero, limit: 1) },
                { _ = try await storage.addObserver(RecordingObserver()) },
            ]
            for call in calls {
                let error = await #expect(throws: StorageError.self) { try await call() }
                #expect(error?.code == .closed)
            }
            try await storage.close()
        }
    }
}
