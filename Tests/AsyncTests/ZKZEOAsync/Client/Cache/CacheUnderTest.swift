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

/// A database that remembers everything, and a cache of it on disk whose every answer is compared with that.
struct CacheUnderTest {
    let path: String
    let limit: Int
    let memory: Int
    /// For each object the transactions that changed it, oldest first.
    private(set) var history: [ObjectID: [TransactionID]] = [:]
    private(set) var now: UInt64 = 1
    private(set) var hits = 0
    private var files: CacheFiles
    private var cache: JournaledCache

    init(_ path: String, limit: Int, memory: Int) throws {
        (self.path, self.limit, self.memory) = (path, limit, memory)
        (self.files, self.cache) = try CacheFiles.open(path, limit: limit, memory: memory, storage: "1")
        #expect(self.cache.last == .zero)
        self.cache.clear(TransactionID(rawValue: self.now))
    }

    /// Up to where the cache says that it has been told.
    var last: TransactionID { self.cache.last }

    static func data(_ oid: ObjectID, _ tid: TransactionID) -> ByteBuffer {
        let byte = UInt8(truncatingIfNeeded: oid.rawValue &+ tid.rawValue &* 7)
        return ByteBuffer(repeating: byte, count: Int(tid.rawValue % 90))
    }

    /// Transactions change objects; our own are kept.
    mutating func commit(_ oids: [ObjectID], isOurs: Bool) {
        self.now += 1
        let tid = TransactionID(rawValue: self.now)
        for oid in oids { self.history[oid, default: []].append(tid) }
        self.cache.told(tid, oids)
        guard isOurs else { return }
        for oid in oids { self.cache.store(ObjectRevision(data: Self.data(oid, tid), tid: tid, next: nil), of: oid) }
    }

    mutating func forget(_ oids: [ObjectID]) { self.cache.forget(oids) }

    private func truth(_ oid: ObjectID, before tid: TransactionID) -> ObjectRevision? {
        let tids = self.history[oid] ?? []
        guard let index = tids.lastIndex(where: { $0 < tid }) else { return nil }
        return ObjectRevision(
            data: Self.data(oid, tids[index]),
            tid: tids[index],
            next: index + 1 < tids.count ? tids[index + 1] : nil
        )
    }

    /// Loads a revision as a client does it; what is not known is stored.
    mutating func load(_ oid: ObjectID, before tid: TransactionID, stores: Bool = true) {
        let truth = self.truth(oid, before: tid)
        switch self.cache.find(oid, before: tid) {
        case .inMemory(let revision):
            self.hits += 1
            #expect(revision == truth)
        case .onDisk(let serial, let next, let place):
            self.files.add(self.cache.takeOperations())
            let data = self.files.read(place)
            self.cache.read(oid, serial, place, data)
            guard let data else { return }
            self.hits += 1
            #expect(ObjectRevision(data: data, tid: serial, next: next) == truth)
        case nil:
            if let truth, stores { self.cache.store(truth, of: oid) }
        }
    }

    /// Everything that the cache says is true.
    mutating func checkAll() {
        for oid in self.history.keys.sorted() {
            for tid in 1...self.now + 1 { self.load(oid, before: TransactionID(rawValue: tid), stores: false) }
        }
    }

    mutating func write() async {
        self.files.add(self.cache.takeOperations())
        await self.files.flush()
    }

    /// The process ends: in good order, or with things not written. Others change objects; then the next process begins.
    mutating func restart(losesWrites: Bool, changing oids: [ObjectID], _ damage: (String) throws -> Void) async throws
    {
        if !losesWrites { await self.write() }
        await self.files.flush()
        self.files.close()
        try damage(self.path)
        if !oids.isEmpty {
            self.now += 1
            for oid in oids { self.history[oid, default: []].append(TransactionID(rawValue: self.now)) }
        }
        (self.files, self.cache) = try CacheFiles.open(self.path, limit: self.limit, memory: self.memory, storage: "1")
        let last = self.cache.last
        #expect(last.rawValue <= self.now)
        if last == .zero { return self.cache.clear(TransactionID(rawValue: self.now)) }
        let changed = self.history.filter { $0.value.contains { $0 > last } }.keys.sorted()
        self.cache.changed(TransactionID(rawValue: self.now), changed)
    }

    func close() async {
        await self.files.flush()
        self.files.close()
    }

    /// The files of the cache, oldest first.
    static func files(_ path: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: path).filter { $0.hasSuffix("zkzeo-cache") }.sorted()
            .map { path + "/" + $0 }
    }

    /// How many bytes the files take.
    func size() throws -> Int {
        try Self.files(self.path).reduce(0) { try $0 + Data(contentsOf: URL(fileURLWithPath: $1)).count }
    }
}
