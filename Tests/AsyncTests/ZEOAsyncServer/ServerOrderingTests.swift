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

/// The order of what clients are shown, with many of them at once.
@Suite(.timeLimit(.minutes(1)))
struct ServerOrderingTests {
    /// What was committed altogether.
    final class History: Sendable {
        private let tids = Mutex<Set<TransactionID>>([])

        func add(_ tid: TransactionID) {
            self.tids.withLock { _ = $0.insert(tid) }
        }

        var all: [TransactionID] { self.tids.withLock { $0.sorted() } }
    }

    /// Every answer that shows T comes after everything that must be invalidated up to T, and nothing comes twice or out
    /// of order.
    static func check(_ events: [RawZEOClient.Event], against history: [TransactionID]) throws {
        var start: TransactionID?
        var known: [TransactionID] = []
        for event in events {
            switch event {
            case .info:
                break
            case .shown(let tid):
                guard let start else {
                    start = tid
                    continue
                }
                let expected = history.filter { $0 > start && $0 <= tid }
                try #require(Array(known.prefix(expected.count)) == expected, "shown \(tid)")
            case .invalidated(let tid, let oids):
                try #require(!oids.isEmpty)
                known.append(tid)
            case .committed(let tid):
                known.append(tid)
                let expected = history.filter { $0 > start ?? .zero && $0 <= tid }
                try #require(known == expected, "committed \(tid)")
            }
        }
        try #require(known == known.sorted() && Set(known).count == known.count)
    }

    @Test(arguments: [WireFormat.pickle, .messagePack])
    func answersNeverShowWhatMustStillBeInvalidated(format: WireFormat) async throws {
        let history = History()
        let committers = 8
        let rounds = 25
        try await withZEOServer {
            $0.eventLoopCount = 4
        } _: { running in
            let port = running.port
            let logs = try await withThrowingTaskGroup(of: [[RawZEOClient.Event]].self) { group in
                for number in 1...committers {
                    group.addTask {
                        let client = try await RawZEOClient.registered(port: port, format: format)
                        // A neighbour on another event loop, who has to see at once what is committed here.
                        let neighbour = try await RawZEOClient.registered(port: port, format: format)
                        let oid = ObjectID(rawValue: UInt64(number))
                        var serial = TransactionID.zero
                        for _ in 0..<rounds {
                            serial = try await client.commit(oid, over: serial)
                            history.add(serial)
                            if Bool.random() { _ = try await neighbour.call(.ping) }
                            try #require(try await neighbour.load(oid)?.tid == serial)
                            try #require(try await neighbour.lastTransaction() >= serial)
                            try #require(try await client.lastTransaction() >= serial)
                            // Somebody else's object, if it is there already.
                            _ = try? await client.load(ObjectID(rawValue: UInt64(Int.random(in: 1...committers))))
                        }
                        return [client.events, neighbour.events]
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            let all = history.all
            #expect(all.count == committers * rounds)
            for events in logs { try Self.check(events, against: all) }
        }
    }

    /// A storage that shows a transaction before it has told its observers, as it may.
    @Test func whatIsVisibleButNotToldIsHidden() async throws {
        let storage = SlowToTellStorage()
        try await withZEOServer(of: [("1", storage)]) { running in
            let client = try await RawZEOClient.registered(port: running.port)
            let oid = ObjectID(rawValue: 1)
            let first = try await client.commit(oid)
            storage.holdBack(true)
            let other = try await RawZEOClient.registered(port: running.port)
            let token = TransactionToken(1)
            try await other.store(token, [(oid, first)])
            _ = try await other.call(.vote(token))
            let finish = try await other.begin(.finish(token))
            try await eventually("the second revision is visible") { try storage.lastTransaction() > first }
            #expect(try await client.lastTransaction() == first)
            #expect(
                try await client.load(oid) == LoadedRevision(data: ByteBuffer(string: "data"), tid: first, next: nil)
            )
            #expect(try await client.call(.getTid(oid)).transactionID() == first)
            let second = try storage.lastTransaction()
            let hidden = try await client.call(.loadSerial(oid, second))
            #expect(throws: RemoteException.self) { try hidden.plainValue() }
            #expect(try await client.call(.getInvalidations(after: .zero)).invalidations()?.last == first)
            storage.holdBack(false)
            #expect(try await other.reply(to: finish).transactionID() == second)
            #expect(try await client.load(oid)?.tid == second)
            #expect(client.events.contains(.invalidated(second, [oid])))
        }
    }

    @Test func whoCommitsIsToldTheSizeFirst() async throws {
        try await withZEOServer { running in
            let client = try await RawZEOClient.registered(port: running.port)
            _ = try await client.commit(ObjectID(rawValue: 1))
            #expect(client.events.count == 3)
            #expect(client.events[1] == .info)
        }
    }

    @Test func invalidationsReachClientsThatOnlyListen() async throws {
        try await withZEOServer { running in
            let listener = try await RawZEOClient.registered(port: running.port)
            let writer = try await RawZEOClient.registered(port: running.port, format: .messagePack)
            let oids = [ObjectID(rawValue: 1), ObjectID(rawValue: 2)]
            try await writer.store(TransactionToken(1), oids.map { ($0, .zero) })
            _ = try await writer.call(.vote(TransactionToken(1)))
            let tid = try await writer.finish(TransactionToken(1))
            #expect(try await listener.nextInvalidation() == .invalidated(tid, oids))
        }
    }
}

/// A mapping storage whose observers hear late of what is visible.
private final class SlowToTellStorage: LocalStorage {
    private let base = MappingStorage()
    private let isHeldBack = Mutex(false)

    func holdBack(_ flag: Bool) { self.isHeldBack.withLock { $0 = flag } }

    var traits: StorageTraits { self.base.traits }
    func statistics() throws -> StorageStatistics { try self.base.statistics() }
    func lastTransaction() throws -> TransactionID { try self.base.lastTransaction() }
    func load(_ oid: ObjectID, before tid: TransactionID) throws -> ObjectRevision? {
        try self.base.load(oid, before: tid)
    }
    func load(_ oid: ObjectID, at serial: TransactionID) throws -> ByteBuffer { try self.base.load(oid, at: serial) }
    func serial(of oid: ObjectID, before tid: TransactionID) throws -> TransactionID? {
        try self.base.serial(of: oid, before: tid)
    }
    func newObjectIDs(_ count: Int) throws -> [ObjectID] { try self.base.newObjectIDs(count) }
    func vote(_ draft: TransactionDraft) async throws -> VoteOutcome { try await self.base.vote(draft) }
    func abort(_ vote: VoteID) async { await self.base.abort(vote) }
    func mergedObjects(of vote: VoteID) async -> [ObjectID] { await self.base.mergedObjects(of: vote) }
    func yieldPlace(of origin: UInt64) async { await self.base.yieldPlace(of: origin) }
    func recentTransactions(after tid: TransactionID, limit: Int) async throws -> [CommittedTransaction] {
        try await self.base.recentTransactions(after: tid, limit: limit)
    }
    func close() async throws { try await self.base.close() }

    private final class Relay: StorageObserver {
        let told = Mutex<[CommittedTransaction]>([])
        func storageDidCommit(_ transaction: CommittedTransaction) { self.told.withLock { $0.append(transaction) } }
        func storageDidLoseTrack(now tid: TransactionID) {}
    }

    private let relay = Relay()
    private let observer = Mutex<(any StorageObserver)?>(nil)

    func addObserver(_ observer: any StorageObserver) async throws -> TransactionID {
        self.observer.withLock { $0 = observer }
        return try await self.base.addObserver(self.relay)
    }

    func removeObserver(_ observer: any StorageObserver) async { await self.base.removeObserver(self.relay) }

    func finish(_ vote: VoteID) async throws -> TransactionID {
        let tid = try await self.base.finish(vote)
        while self.isHeldBack.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(1)) }
        let observer = self.observer.withLock { $0 }
        for transaction in self.relay.told.withLock({ told in
            defer { told = [] }
            return told
        }) { observer?.storageDidCommit(transaction) }
        return tid
    }
}
