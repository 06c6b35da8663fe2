//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import Testing
import ZODBFormat
import ZODBStorage

@testable import ZKZEOAsync

@Suite(.timeLimit(.minutes(1))) struct CacheFilesTests {
    private let a = ObjectID(rawValue: 1)
    private let b = ObjectID(rawValue: 2)

    /// Whatever happens between runs, no answer is wrong.
    @Test(arguments: [(20_000, 4000), (200_000, 2000), (6000, 6000)])
    func aLongRandomHistoryIsNeverAnsweredWrong(_ limit: Int, _ memory: Int) async throws {
        try await withTemporaryDirectory { folder in
            var random = SeededGenerator(seed: TestSeed.value)
            var cache = try CacheUnderTest(folder + "/cache", limit: limit, memory: memory)
            let oids = (0..<40).map { ObjectID(rawValue: UInt64($0)) }
            for _ in 0..<40 {
                for _ in 0..<Int.random(in: 1...120, using: &random) {
                    switch Int.random(in: 0..<10, using: &random) {
                    case 0..<2:
                        let some = oids.filter { _ in Int.random(in: 0..<12, using: &random) == 0 }
                        cache.commit(some, isOurs: .random(using: &random))
                    case 2: cache.forget([oids.randomElement(using: &random)!])
                    case 3: await cache.write()
                    default:
                        let tid = UInt64.random(in: 0..<3, using: &random) == 0 ? cache.now / 2 : cache.now + 1
                        cache.load(oids.randomElement(using: &random)!, before: TransactionID(rawValue: tid))
                    }
                }
                let damage = Int.random(in: 0..<4, using: &random)
                let place = Double.random(in: 0..<1, using: &random)
                let changed = Bool.random(using: &random) ? [oids.randomElement(using: &random)!] : []
                let which = Int.random(in: 0..<100, using: &random)
                try await cache.restart(losesWrites: .random(using: &random), changing: changed) { path in
                    let files = try CacheUnderTest.files(path)
                    guard !files.isEmpty, damage > 0 else { return }
                    let file = URL(fileURLWithPath: files[damage == 1 ? files.count - 1 : which % files.count])
                    var bytes = try Data(contentsOf: file)
                    let position = Int(Double(bytes.count) * place)
                    switch damage {
                    case 1: bytes.removeSubrange(position...)
                    case 2: if position < bytes.count { bytes[position] ^= 0x10 }
                    default: bytes.resetBytes(in: position..<min(position + 512, bytes.count))
                    }
                    try bytes.write(to: file)
                }
                #expect(try cache.size() <= limit + 8192)
            }
            cache.checkAll()
            #expect(cache.hits > 50)
            await cache.close()
        }
    }

    /// A process that is killed has written some first part of what it wanted to: any will do.
    @Test func whereverTheJournalIsCutOffTheRestIsRight() async throws {
        try await withTemporaryDirectory { folder in
            var cache = try CacheUnderTest(folder + "/cache", limit: 100_000, memory: 100_000)
            cache.commit([a, b], isOurs: true)
            cache.commit([a], isOurs: false)
            cache.load(a, before: .max)
            cache.commit([b], isOurs: true)
            cache.forget([a])
            cache.load(a, before: .max)
            cache.commit([a, b], isOurs: false)
            await cache.write()
            await cache.close()
            let file = try #require(try CacheUnderTest.files(folder + "/cache").first)
            let whole = try Data(contentsOf: URL(fileURLWithPath: file))
            var lasts: Set<TransactionID> = []
            for length in 0...whole.count {
                try FileManager.default.removeItem(atPath: folder + "/cache")
                try FileManager.default.createDirectory(atPath: folder + "/cache", withIntermediateDirectories: true)
                try whole.prefix(length).write(to: URL(fileURLWithPath: file))
                let (files, opened) = try CacheFiles.open(folder + "/cache", limit: 100_000, memory: 0, storage: "1")
                var journaled = opened
                lasts.insert(journaled.last)
                for oid in [a, b] {
                    guard case .onDisk(let tid, nil, let place)? = journaled.find(oid, before: .max) else { continue }
                    // It was the current one when the last transaction that the cache knows of had been told.
                    #expect(tid == cache.history[oid]?.last { $0 <= max(journaled.last, tid) })
                    #expect(files.read(place) == CacheUnderTest.data(oid, tid))
                }
                files.close()
            }
            #expect(lasts.count == 6)
        }
    }

    @Test func whatIsUsedStaysWhenOldFilesGo() async throws {
        try await withTemporaryDirectory { folder in
            var cache = try CacheUnderTest(folder + "/cache", limit: 40_000, memory: 20_000)
            let hot = (1...10).map { ObjectID(rawValue: UInt64($0)) }
            cache.commit(hot, isOurs: true)
            for number in 0..<1000 {
                cache.commit([ObjectID(rawValue: UInt64(1000 + number))], isOurs: true)
                cache.load(hot[number % hot.count], before: .max)
            }
            let before = cache.hits
            try await cache.restart(losesWrites: false, changing: []) { _ in }
            for oid in hot { cache.load(oid, before: .max, stores: false) }
            #expect(cache.hits == before + hot.count)
            #expect(try cache.size() <= 44_000)
            await cache.close()
        }
    }

    @Test func oneClientAtATimeUsesACache() async throws {
        try await withTemporaryDirectory { folder in
            let cache = try CacheUnderTest(folder + "/cache", limit: 40_000, memory: 20_000)
            let error = #expect(throws: StorageError.self) {
                _ = try CacheFiles.open(folder + "/cache", limit: 40_000, memory: 20_000, storage: "1")
            }
            #expect(error?.code == .locked)
            await cache.close()
            _ = try CacheFiles.open(folder + "/cache", limit: 40_000, memory: 20_000, storage: "1")
            try Data("ZEC3".utf8).write(to: URL(fileURLWithPath: folder + "/python.zec"))
            let other = #expect(throws: StorageError.self) {
                _ = try CacheFiles.open(folder + "/python.zec", limit: 40_000, memory: 20_000, storage: "1")
            }
            #expect(other?.code == .unsupportedFormat)
        }
    }

    @Test func theCacheOfAnotherStorageIsNotBelieved() async throws {
        try await withTemporaryDirectory { folder in
            var cache = try CacheUnderTest(folder + "/cache", limit: 40_000, memory: 20_000)
            cache.commit([a], isOurs: true)
            await cache.write()
            await cache.close()
            let (files, opened) = try CacheFiles.open(folder + "/cache", limit: 40_000, memory: 20_000, storage: "2")
            var other = opened
            #expect(other.last == .zero)
            #expect(other.find(a, before: .max) == nil)
            files.close()
        }
    }
}
