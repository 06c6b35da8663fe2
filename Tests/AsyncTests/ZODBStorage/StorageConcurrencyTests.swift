//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Synchronization
import Testing
import ZODBFormat

@testable import ZODBStorage

/// What storages promise to many tasks at once.
@Suite(.timeLimit(.minutes(1))) struct StorageConcurrencyTests {
    @Test(arguments: StorageKind.allCases)
    func observersHearOfEveryTransactionOnceInOrderWhenItIsVisible(_ kind: StorageKind) async throws {
        try await kind.withStorage { storage in
            let last = try await storage.commit(.root, .zero, "zero")
            let invisible = Atomic<Int>(0)
            let observer = RecordingObserver { transaction in
                let visible = (try? storage.lastTransaction()) ?? .zero
                let loaded = transaction.oids.allSatisfy {
                    (try? storage.load($0, at: transaction.tid)) != nil
                }
                if visible < transaction.tid || !loaded { invisible.add(1, ordering: .relaxed) }
            }
            #expect(try await storage.addObserver(observer) == last)
            let tids = try await withThrowingTaskGroup(of: [TransactionID].self) { group in
                for task in 1...12 {
                    group.addTask {
                        let oid = ObjectID.numbered(UInt64(task))
                        var tids: [TransactionID] = []
                        for round in 0..<20 {
                            let tid = try await storage.commit(
                                [(oid, tids.last ?? .zero, "\(task) \(round)")],
                                origin: UInt64(task)
                            )
                            // The observer was told before `finish` returned, and the revision is there.
                            #expect(observer.tids.contains(tid))
                            #expect(try await storage.load(oid, before: .max)?.tid == tid)
                            #expect(try await storage.lastTransaction() >= tid)
                            tids.append(tid)
                        }
                        return tids
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            #expect(observer.tids == tids.sorted())
            #expect(Set(tids).count == 240)
            #expect(invisible.load(ordering: .relaxed) == 0)
            #expect(observer.transactions.allSatisfy { $0.oids == [.numbered($0.origin)] })
            await storage.removeObserver(observer)
            try await storage.commit(.numbered(500), .zero, "unheard")
            #expect(observer.tids.count == 240)
        }
    }

    @Test(arguments: StorageKind.allCases)
    func ofTwoTransactionsOverOneRevisionExactlyOneWins(_ kind: StorageKind) async throws {
        try await kind.withStorage { storage in
            let counter = ObjectID.numbered(1)
            try await storage.commit(counter, .zero, "0")
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        for _ in 0..<8 { try await self.increment(counter, in: storage) }
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await storage.text(counter) == "64")
            #expect(try await storage.recentTransactions(after: .zero, limit: 1000).count == 65)
        }
    }

    @Test(arguments: StorageKind.allCases)
    func transactionsBecomeVisibleWhole(_ kind: StorageKind) async throws {
        try await kind.withStorage { storage in
            let oids = (1...1200).map { ObjectID.numbered($0) }
            var last = try await storage.commit(oids.map { ($0, .zero, "0") })
            let done = Atomic<Bool>(false)
            let reader = Task {
                while !done.load(ordering: .relaxed) {
                    let before = try await storage.lastTransaction().successor
                    var texts: Set<String> = []
                    for oid in oids {
                        texts.insert(String(buffer: try #require(try await storage.load(oid, before: before)).data))
                    }
                    #expect(texts.count == 1)
                    await Task.yield()
                }
            }
            for round in 1...12 {
                last = try await storage.commit(oids.map { [last] in ($0, last, "\(round)") })
            }
            done.store(true, ordering: .relaxed)
            try await reader.value
        }
    }

    @Test(arguments: StorageKind.allCases)
    func cancelledVoteLeavesTheQueue(_ kind: StorageKind) async throws {
        try await kind.withStorage { storage in
            let held = try await storage.prepare(TransactionDraft())
            let waiting = Task { try await storage.vote(TransactionDraft()) }
            waiting.cancel()
            await #expect(throws: CancellationError.self) { try await waiting.value }
            _ = try await storage.finish(held)
            try await storage.commit(.root, .zero, "the place is free")
        }
    }

    private func increment(_ oid: ObjectID, in storage: any Storage) async throws {
        while true {
            let read = try #require(try await storage.load(oid, before: .max))
            let value = try #require(Int(String(buffer: read.data)))
            let data = ByteBuffer(string: "\(value + 1)")
            let draft = TransactionDraft(operations: [.store(oid, serial: read.tid, data: data)])
            guard case .prepared(let vote) = try await storage.vote(draft) else { continue }
            _ = try await storage.finish(vote)
            return
        }
    }
}
