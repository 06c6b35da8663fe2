//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing
import ZODBFormat

@testable import ZODBStorage

@Suite(.timeLimit(.minutes(1))) struct MappingStoragePackTests {
    private let a = ObjectID.numbered(1)
    private let b = ObjectID.numbered(2)

    /// A record of an object that refers to others.
    private func record(_ references: ObjectID...) -> ByteBuffer {
        var record = ByteBuffer()
        PickleWriter().write(.tuple([.global(.init("m", "C")), .none]), into: &record)
        let ids = references.map { oid in
            var bytes = ByteBuffer()
            bytes.writeIdentifier(oid)
            return PickleValue.persistentID(.tuple([.bytes(bytes), .none]))
        }
        PickleWriter().write(.list(ids), into: &record)
        return record
    }

    @Test func revisionsThatWereNotCurrentAreRemoved() async throws {
        let storage = MappingStorage()
        let first = try await storage.commit([(.root, .zero, record(a)), (a, .zero, record())])
        let second = try await storage.commit([(a, first, record())])
        let third = try await storage.commit([(a, second, record()), (b, .zero, record())])
        let fourth = try await storage.commit([(a, third, record())])
        try await storage.pack(.init(before: fourth, collectsGarbage: false))
        #expect(try storage.load(.root, before: .max)?.tid == first)
        #expect(try await storage.history(of: a, limit: 9).map(\.tid) == [fourth, third])
        #expect(throws: StorageError.self) { try storage.load(a, at: second) }
        let transactions = try await storage.allTransactions()
        #expect(transactions.map(\.transaction.tid) == [first, third, fourth], "an empty transaction is gone")
        #expect(transactions.map(\.transaction.status) == [.packed, .committed, .committed])
        #expect(transactions[0].records.map(\.oid) == [.root])
        let size = 3 * 50 + 4 * 100 + record(a).readableBytes + 3 * record().readableBytes
        #expect(try storage.statistics() == StorageStatistics(objectCount: 3, byteCount: size))
        try await storage.close()
    }

    @Test func objectsThatNothingLeadsToAreRemoved() async throws {
        let storage = MappingStorage()
        let first = try await storage.commit([(.root, .zero, record(a)), (a, .zero, record(b)), (b, .zero, record())])
        let second = try await storage.commit([(a, first, record())])
        // The old revision of `a` still counts, because it was current at the time of the pack.
        try await storage.pack(.init(before: second))
        #expect(try storage.statistics().objectCount == 3)
        let third = try await storage.commit([(.root, first, record(a))])
        try await storage.pack(.init(before: third.successor))
        #expect(try storage.statistics().objectCount == 2)
        let error = #expect(throws: StorageError.self) { try storage.load(b, before: .max) }
        #expect(error?.code == .noSuchObject)
        try await storage.close()
    }

    @Test func packGoesForwardInTimeOnly() async throws {
        let storage = MappingStorage()
        try await storage.pack(.init(before: .max))
        let first = try await storage.commit([(.root, .zero, record())])
        let second = try await storage.commit([(.root, first, record())])
        try await storage.pack(.init(before: second))
        try await storage.pack(.init(before: second))
        let error = await #expect(throws: StorageError.self) { try await storage.pack(.init(before: first)) }
        #expect(error?.code == .invalidArgument)
        try await storage.close()
    }

    @Test func packWithAReferenceToNowhereChangesNothing() async throws {
        let storage = MappingStorage()
        let first = try await storage.commit([(.root, .zero, record(a))])
        let second = try await storage.commit([(.root, first, record(a))])
        let error = await #expect(throws: StorageError.self) { try await storage.pack(.init(before: .max)) }
        #expect(error?.code == .noSuchObject)
        #expect(try await storage.history(of: .root, limit: 9).map(\.tid) == [second, first])
        try await storage.pack(.init(before: .max, collectsGarbage: false))
        #expect(try await storage.history(of: .root, limit: 9).map(\.tid) == [second])
        try await storage.close()
    }

    @Test func explicitTransactionIdentifiersMustRise() async throws {
        let storage = MappingStorage()
        var draft = TransactionDraft(operations: [.store(a, serial: .zero, data: ByteBuffer(string: "one"))])
        draft.tid = TransactionID(rawValue: 77)
        draft.status = .packed
        #expect(try await storage.finish(try await storage.prepare(draft)) == TransactionID(rawValue: 77))
        let told = try await storage.allTransactions()
        #expect(told.map(\.transaction.status) == [.packed])
        let error = await #expect(throws: StorageError.self) { try await storage.vote(draft) }
        #expect(error?.code == .invalidArgument)
        let next = try await storage.commit([(a, TransactionID(rawValue: 77), record())])
        #expect(next > TransactionID(rawValue: 77))
        try await storage.close()
    }
}

extension MappingStorage {
    fileprivate func commit(_ stores: [(ObjectID, TransactionID, ByteBuffer)]) async throws -> TransactionID {
        let draft = TransactionDraft(operations: stores.map { .store($0.0, serial: $0.1, data: $0.2) })
        return try await self.finish(try await self.prepare(draft))
    }
}
