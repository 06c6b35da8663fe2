//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Synchronization
import Testing
import ZODBFormat

@testable import ZODBStorage

/// Others load and commit while one pack follows on the other.
@Suite(.timeLimit(.minutes(2))) struct PackConcurrencyTests {
    /// What each transaction has written to each object.
    private final class Ledger: Sendable {
        private let written = Mutex<[ObjectID: [(tid: TransactionID, number: Int)]]>([:])
        private let done = Atomic(false)
        private let loadCount = Atomic(0)

        var isDone: Bool { self.done.load(ordering: .relaxed) }
        var loads: Int { self.loadCount.load(ordering: .relaxed) }

        func end() { self.done.store(true, ordering: .relaxed) }

        func didLoad() { self.loadCount.add(1, ordering: .relaxed) }

        func add(_ oid: ObjectID, _ tid: TransactionID, _ number: Int) {
            self.written.withLock { $0[oid, default: []].append((tid, number)) }
        }

        func last(_ oid: ObjectID) -> (tid: TransactionID, number: Int)? { self.written.withLock { $0[oid]?.last } }

        func number(_ oid: ObjectID, at tid: TransactionID) -> Int? {
            self.written.withLock { $0[oid]?.last { $0.tid == tid }?.number }
        }

        var all: [ObjectID: [(tid: TransactionID, number: Int)]] { self.written.withLock { $0 } }
    }

    private static let writers = 4
    private static let packs = 25

    @Test func everyValueIsRight() async throws {
        try await withTemporaryDirectory { folder in
            let path = folder + "/Data.fs"
            let storage = try await FileStorage.open(.init(path: path))
            let objects = (1...UInt64(Self.writers)).map(ObjectID.numbered)
            try await storage.commit(
                [.root: record("root", objects)].merging(
                    objects.map { ($0, record("0")) },
                    uniquingKeysWith: { $1 }
                )
            )
            let first = try storage.lastTransaction()
            let ledger = Ledger()
            for oid in objects { ledger.add(oid, first, 0) }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for oid in objects {
                    group.addTask {
                        var number = 0
                        while !ledger.isDone {
                            number += 1
                            // Objects that nothing refers to are garbage from the start.
                            let garbage = ObjectID(rawValue: oid.rawValue << 32 | UInt64(number))
                            let tid = try await storage.commit([
                                oid: record("\(number)"), garbage: record("garbage"),
                            ])
                            ledger.add(oid, tid, number)
                        }
                    }
                }
                for reader in 0..<3 {
                    group.addTask {
                        var turn = reader
                        while !ledger.isDone {
                            turn += 1
                            let oid = objects[turn % objects.count]
                            let known = ledger.last(oid)!
                            let revision = try #require(try storage.load(oid, before: .max))
                            let number = try #require(try text(of: revision.data).flatMap { Int($0) })
                            #expect(number >= known.number)
                            #expect(revision.tid >= known.tid)
                            // A revision that has been replaced may be gone, but is never another one.
                            if let data = try? storage.load(oid, at: known.tid) {
                                #expect(try text(of: data) == "\(known.number)")
                            }
                            if let before = try storage.load(oid, before: revision.tid) {
                                let tid = before.tid
                                #expect(try text(of: before.data) == "\(number - 1)")
                                #expect(before.next == revision.tid)
                                if let told = ledger.number(oid, at: tid) { #expect(told == number - 1) }
                            }
                            ledger.didLoad()
                            await Task.yield()
                        }
                    }
                }
                for pack in 0..<Self.packs {
                    let known = objects.compactMap { ledger.last($0)?.tid }.max() ?? first
                    try await storage.pack(PackRequest(before: pack.isMultiple(of: 2) ? known : known.successor))
                }
                ledger.end()
                try await group.waitForAll()
            }
            #expect(ledger.loads > Self.packs)
            try await storage.packAll()
            #expect(try storage.statistics().objectCount == Self.writers + 1, "all garbage is gone")
            try await storage.close()
            let again = try await FileStorage.open(.init(path: path))
            for (oid, written) in ledger.all {
                #expect(try text(of: try #require(try again.load(oid, before: .max)).data) == "\(written.last!.number)")
            }
            try await again.close()
            #expect(try await runPython("packing.py", ["check", path]).contains("clean"))
        }
    }
}
