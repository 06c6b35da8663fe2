//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing
import ZODBFormat
import ZODBStorage

@testable import ZKZEOAsync

@Suite struct ClientCacheTests {
    private let a = ObjectID(rawValue: 1)
    private let b = ObjectID(rawValue: 2)

    private func tid(_ number: UInt64) -> TransactionID { TransactionID(rawValue: number) }

    private func revision(_ number: UInt64, _ next: UInt64? = nil, size: Int = 4) -> ObjectRevision {
        ObjectRevision(
            data: ByteBuffer(repeating: UInt8(number), count: size),
            tid: self.tid(number),
            next: next.map { self.tid($0) }
        )
    }

    @Test func aRevisionIsFoundForTheTimeInWhichItIsTheNewest() {
        var cache = ClientCache(limit: 10_000)
        _ = cache.store(self.revision(3, 5), of: self.a)
        _ = cache.store(self.revision(7), of: self.a)
        let found = (1...10).map { cache.revision(of: self.a, before: self.tid($0))?.tid.rawValue }
        #expect(found == [nil, nil, nil, 3, 3, nil, nil, 7, 7, 7])
        #expect(cache.revision(of: self.b, before: .max) == nil)
        #expect(cache.record(of: self.a, at: self.tid(3)) == self.revision(3).data)
        #expect(cache.record(of: self.a, at: self.tid(5)) == nil)
    }

    @Test func anInvalidationEndsTheCurrentRevision() {
        var cache = ClientCache(limit: 10_000)
        _ = cache.store(self.revision(3), of: self.a)
        cache.invalidate(self.a, at: self.tid(6))
        cache.invalidate(self.b, at: self.tid(6))
        #expect(cache.revision(of: self.a, before: self.tid(6))?.next == self.tid(6))
        #expect(cache.revision(of: self.a, before: self.tid(7)) == nil)
        // A later one does not move the end, and an earlier one is about a revision before.
        cache.invalidate(self.a, at: self.tid(8))
        #expect(cache.revision(of: self.a, before: self.tid(7)) == nil)
        _ = cache.store(self.revision(9), of: self.a)
        cache.invalidate(self.a, at: self.tid(9))
        #expect(cache.revision(of: self.a, before: .max)?.tid == self.tid(9))
    }

    @Test func anInvalidationWithoutATimeTakesTheCurrentRevisionAway() {
        var cache = ClientCache(limit: 10_000)
        _ = cache.store(self.revision(3, 5), of: self.a)
        _ = cache.store(self.revision(5), of: self.a)
        cache.invalidate(self.a, at: nil)
        cache.invalidate(self.a, at: nil)
        #expect(cache.revision(of: self.a, before: .max) == nil)
        #expect(cache.revision(of: self.a, before: self.tid(5))?.tid == self.tid(3))
        #expect(cache.count == 1)
    }

    @Test func theSameRevisionIsKeptOnceAndMayGetAnEnd() {
        var cache = ClientCache(limit: 10_000)
        _ = cache.store(self.revision(3), of: self.a)
        _ = cache.store(self.revision(3, 5), of: self.a)
        _ = cache.store(self.revision(3), of: self.a)
        #expect(cache.count == 1)
        #expect(cache.revision(of: self.a, before: .max) == nil)
        #expect(cache.revision(of: self.a, before: self.tid(4))?.next == self.tid(5))
    }

    @Test func whatWasNotUsedForLongestLeavesFirst() {
        var cache = ClientCache(limit: 3 * (ClientCache.overhead + 10))
        for number in 1...3 as ClosedRange<UInt64> {
            _ = cache.store(self.revision(number, size: 10), of: ObjectID(rawValue: number))
        }
        #expect(cache.revision(of: ObjectID(rawValue: 1), before: .max) != nil)
        _ = cache.store(self.revision(4, size: 10), of: ObjectID(rawValue: 4))
        let there = (1...4).map { cache.revision(of: ObjectID(rawValue: $0), before: .max) != nil }
        #expect(there == [true, false, true, true])
        #expect(cache.byteCount == 3 * (ClientCache.overhead + 10))
        _ = cache.store(self.revision(5, size: 10_000), of: ObjectID(rawValue: 5))
        #expect(cache.count == 3)
        cache.removeAll()
        #expect(cache.count == 0)
        #expect(cache.byteCount == 0)
    }

    /// Against a model that keeps everything: what the cache answers is right, and it never takes too much.
    @Test func aLongRandomHistoryIsNeverAnsweredWrong() {
        var generator = SeededGenerator(seed: TestSeed.value)
        let seed = UInt64.random(in: .min ... .max, using: &generator)
        var random = SplitMix(state: seed)
        var cache = ClientCache(limit: 20 * (ClientCache.overhead + 4))
        var history: [ObjectID: [TransactionID]] = [:]
        for step in 1...5000 as ClosedRange<UInt64> {
            let oid = ObjectID(rawValue: random.next() % 10)
            let revisions = history[oid] ?? []
            if random.next() % 3 == 0 {
                cache.invalidate(oid, at: self.tid(step))
                history[oid, default: []].append(self.tid(step))
            } else if !revisions.isEmpty {
                let before = self.tid(random.next() % (step + 1) + 1)
                let index = revisions.lastIndex { $0 < before }
                let truth = index.map {
                    ObjectRevision(
                        data: ByteBuffer(integer: UInt32(revisions[$0].rawValue)),
                        tid: revisions[$0],
                        next: $0 + 1 < revisions.count ? revisions[$0 + 1] : nil
                    )
                }
                if let answer = cache.revision(of: oid, before: before) {
                    #expect(answer == truth, "seed \(seed), step \(step)")
                } else if let truth {
                    _ = cache.store(truth, of: oid)
                }
            }
            #expect(cache.byteCount <= cache.limit)
            #expect(cache.byteCount == cache.count * (ClientCache.overhead + 4))
        }
    }
}

extension ClientCache {
    /// The revision, when its record is in memory.
    mutating func revision(of oid: ObjectID, before tid: TransactionID) -> ObjectRevision? {
        if case .inMemory(let revision) = self.find(oid, before: tid) { revision } else { nil }
    }

    /// The record, when it is in memory.
    mutating func record(of oid: ObjectID, at serial: TransactionID) -> ByteBuffer? {
        if case .inMemory(let revision) = self.find(oid, at: serial) { revision.data } else { nil }
    }
}

extension ClientView {
    /// The revision, when its record is in memory.
    func revision(of oid: ObjectID, before tid: TransactionID) -> ObjectRevision? {
        if case .inMemory(let revision)? = self.find(oid, before: tid) { revision } else { nil }
    }
}
