//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Synchronization
import Testing
import ZEOAsyncServer
import ZEOProtocol
import ZODBFormat
import ZODBStorage

/// A storage whose answers take time, as those of a remote one do.
@Suite(.timeLimit(.minutes(1)))
struct SuspendingStorageTests {
    @Test func clientsOfASuspendingStorageLoadAndCommit() async throws {
        try await withZEOServer(of: [("1", SuspendingStorage())]) { running in
            let output = try await runPython("zeo_client.py", [String(running.port), "basics"], within: .seconds(50))
            #expect(output.hasSuffix("done"), "\(output)\n\(running.log.all)")
        }
    }

    @Test func conflictsOverASuspendingStorageAreResolved() async throws {
        try await withZEOServer(of: [("1", SuspendingStorage())]) { running in
            let output = try await runPython(
                "zeo_client.py",
                [String(running.port), "conflicts"],
                within: .seconds(50)
            )
            #expect(output.hasSuffix("done"), "\(output)\n\(running.log.all)")
        }
    }

    /// The client is told that an object changed while the storage looks it up: what the storage found is not the current
    /// revision any more, and the client would never be told again.
    @Test func aLoadThatAnInvalidationOvertakesSaysSo() async throws {
        let storage = SuspendingStorage()
        try await withZEOServer(of: [("1", storage)]) { running in
            let reader = try await RawZEOClient.registered(port: running.port)
            let writer = try await RawZEOClient.registered(port: running.port)
            let oid = ObjectID(rawValue: 1)
            let first = try await writer.commit(oid)
            storage.holdLoads(true)
            let load = try await reader.begin(.loadBefore(oid, .max))
            try await eventually("the load is held") { storage.heldLoads == 1 }
            let second = try await writer.commit(oid, over: first)
            #expect(try await reader.nextInvalidation() == .invalidated(first, [oid]))
            #expect(try await reader.nextInvalidation() == .invalidated(second, [oid]))
            storage.holdLoads(false)
            let revision = try await reader.reply(to: load).loadedRevision()
            #expect(revision == LoadedRevision(data: ByteBuffer(string: "data"), tid: first, next: second))
        }
    }

    /// What was found is too old to say whether it is still the current revision: the log has forgotten what came since.
    @Test func aLoadThatMoreInvalidationsOvertakeThanAreRememberedIsAskedAgain() async throws {
        let storage = SuspendingStorage()
        try await withZEOServer(of: [("1", storage)]) {
            $0.invalidationQueueSize = 2
        } _: { running in
            let reader = try await RawZEOClient.registered(port: running.port)
            let writer = try await RawZEOClient.registered(port: running.port)
            let oid = ObjectID(rawValue: 1)
            let first = try await writer.commit(oid)
            #expect(try await reader.nextInvalidation() == .invalidated(first, [oid]))
            storage.holdLoads(true)
            let load = try await reader.begin(.loadBefore(oid, .max))
            try await eventually("the load is held") { storage.heldLoads == 1 }
            let second = try await writer.commit(oid, over: first)
            #expect(try await reader.nextInvalidation() == .invalidated(second, [oid]))
            for number in 2...7 {
                let other = ObjectID(rawValue: UInt64(number))
                let tid = try await writer.commit(other)
                #expect(try await reader.nextInvalidation() == .invalidated(tid, [other]))
            }
            storage.holdLoads(false)
            let revision = try await reader.reply(to: load).loadedRevision()
            #expect(revision == LoadedRevision(data: ByteBuffer(string: "data"), tid: second, next: nil))
        }
    }

    /// A client has its answer once its transaction is in the log, perhaps long before the storage's `finish` returns. It
    /// may be finishing its next transaction then, and must not be told the tid of the one before.
    @Test func aFinishThatReturnsLateDoesNotAnswerForTheNextTransaction() async throws {
        let storage = SuspendingStorage()
        try await withZEOServer(of: [("1", storage)]) { running in
            let client = try await RawZEOClient.registered(port: running.port)
            let oid = ObjectID(rawValue: 1)
            storage.holdFirstFinishUntilTheSecond()
            let first = try await client.commit(oid)
            let token = TransactionToken(77)
            try await client.store(token, [(oid, first)])
            #expect(try await client.call(.vote(token)).voteItems().isEmpty)
            let finish = try await client.begin(.finish(token))
            try await eventually("the first finish has returned") { storage.returnedFinishes == 1 }
            for _ in 0..<20 { _ = try await client.call(.ping) }
            storage.letTheSecondFinish()
            let second = try #require(try await client.reply(to: finish).transactionID())
            #expect(second > first)
            #expect(try await client.load(oid)?.tid == second)
        }
    }

    @Test func whatTheStorageCannotTellOfTheTimeBeforeIsNotSaidToBeNothing() async throws {
        let storage = SuspendingStorage(canTell: false)
        let draft = TransactionDraft(operations: [.store(.root, serial: .zero, data: ByteBuffer(string: "data"))])
        guard case .prepared(let vote) = try await storage.vote(draft) else {
            Issue.record("a conflict")
            return
        }
        let last = try await storage.finish(vote)
        try await withZEOServer(of: [("1", storage)]) {
            $0.invalidationAge = .seconds(1_000_000_000_000)
        } _: { running in
            let client = try await RawZEOClient.registered(port: running.port)
            #expect(try await client.call(.getInvalidations(after: .zero)).invalidations() == nil)
            let answer = try await client.call(.getInvalidations(after: last)).invalidations()
            #expect(answer?.last == last)
            #expect(answer?.oids == [])
        }
    }
}

/// A mapping storage that pretends to be far away.
private final class SuspendingStorage: Storage {
    private let canTell: Bool
    private let base = MappingStorage()
    private let isHolding = Mutex(false)
    private let held = Mutex(0)
    private let finishes = Mutex(Finishes())

    private struct Finishes {
        var isHolding = false
        var entered = 0
        var returned = 0
        var mayTheSecondFinish = false
    }

    init(canTell: Bool = true) { self.canTell = canTell }

    var heldLoads: Int { self.held.withLock { $0 } }

    func holdLoads(_ flag: Bool) { self.isHolding.withLock { $0 = flag } }

    var returnedFinishes: Int { self.finishes.withLock { $0.returned } }

    /// The first `finish` from now on returns only when the second has begun, and the second does not commit before it may.
    func holdFirstFinishUntilTheSecond() { self.finishes.withLock { $0 = Finishes(isHolding: true) } }

    func letTheSecondFinish() { self.finishes.withLock { $0.mayTheSecondFinish = true } }

    func finish(_ vote: VoteID) async throws -> TransactionID {
        let number = self.finishes.withLock { finishes in
            finishes.entered += 1
            return finishes.isHolding ? finishes.entered : 0
        }
        while number == 2, !self.finishes.withLock({ $0.mayTheSecondFinish }) {
            try await Task.sleep(for: .milliseconds(1))
        }
        let tid = try await self.base.finish(vote)
        while number == 1, !self.finishes.withLock({ $0.entered > 1 }) { try await Task.sleep(for: .milliseconds(1)) }
        self.finishes.withLock { $0.returned += 1 }
        return tid
    }

    var traits: StorageTraits { self.base.traits }

    func statistics() async throws -> StorageStatistics {
        await Task.yield()
        return try self.base.statistics()
    }

    func lastTransaction() async throws -> TransactionID { try self.base.lastTransaction() }

    func load(_ oid: ObjectID, before tid: TransactionID) async throws -> ObjectRevision? {
        let result = try self.base.load(oid, before: tid)
        if self.isHolding.withLock({ $0 }) {
            self.held.withLock { $0 += 1 }
            while self.isHolding.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(1)) }
        }
        return result
    }

    func load(_ oid: ObjectID, at serial: TransactionID) async throws -> ByteBuffer {
        try self.base.load(oid, at: serial)
    }

    func serial(of oid: ObjectID, before tid: TransactionID) async throws -> TransactionID? {
        try self.base.serial(of: oid, before: tid)
    }

    func newObjectIDs(_ count: Int) async throws -> [ObjectID] { try self.base.newObjectIDs(count) }
    func vote(_ draft: TransactionDraft) async throws -> VoteOutcome { try await self.base.vote(draft) }
    func abort(_ vote: VoteID) async { await self.base.abort(vote) }
    func mergedObjects(of vote: VoteID) async -> [ObjectID] { await self.base.mergedObjects(of: vote) }
    func yieldPlace(of origin: UInt64) async { await self.base.yieldPlace(of: origin) }

    func recentTransactions(after tid: TransactionID, limit: Int) async throws -> [CommittedTransaction] {
        guard self.canTell else { throw StorageError(.unsupported, "far away") }
        return try await self.base.recentTransactions(after: tid, limit: limit)
    }

    func addObserver(_ observer: any StorageObserver) async throws -> TransactionID {
        try await self.base.addObserver(observer)
    }

    func removeObserver(_ observer: any StorageObserver) async { await self.base.removeObserver(observer) }
    func close() async throws { try await self.base.close() }
}
