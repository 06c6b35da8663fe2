//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Synchronization
import ZODBFormat

@testable import ZODBStorage

/// Counts how many are inside at once.
final class HeldCounter: Sendable {
    private let count = Atomic<Int>(0)

    func enter() -> Int { self.count.add(1, ordering: .sequentiallyConsistent).newValue }

    func leave() { self.count.subtract(1, ordering: .sequentiallyConsistent) }
}

/// Remembers what it is told, and what was visible when it was told.
final class RecordingObserver: StorageObserver {
    private let told = Mutex<[CommittedTransaction]>([])
    private let action: @Sendable (CommittedTransaction) -> Void

    init(_ action: @escaping @Sendable (CommittedTransaction) -> Void = { _ in }) {
        self.action = action
    }

    var transactions: [CommittedTransaction] { self.told.withLock { $0 } }
    var tids: [TransactionID] { self.transactions.map(\.tid) }

    func storageDidCommit(_ transaction: CommittedTransaction) {
        self.told.withLock { $0.append(transaction) }
        self.action(transaction)
    }

    func storageDidLoseTrack(now tid: TransactionID) {}
}

/// Something that belongs to a transaction and is told to go.
struct TestCompanion: CommitCompanion {
    var failure: (any Error)?
    var onWithdrawal: @Sendable () -> Void

    /// With a `failure`, it cannot be made durable.
    init(_ failure: (any Error)? = nil, onWithdrawal: @escaping @Sendable () -> Void) {
        self.failure = failure
        self.onWithdrawal = onWithdrawal
    }

    func place(for tid: TransactionID) throws {}

    func synchronize() throws {
        if let failure { throw failure }
    }

    func withdraw() { self.onWithdrawal() }
}

/// A clock that tests set.
final class TestClock: Sendable {
    private let time: Mutex<Duration>

    init(_ time: Duration = .seconds(1_700_000_000)) {
        self.time = Mutex(time)
    }

    var read: WallClock { { self.time.withLock { $0 } } }

    func advance(by step: Duration) { self.time.withLock { $0 += step } }
}

extension ObjectID {
    static func numbered(_ number: UInt64) -> ObjectID { ObjectID(rawValue: number) }
}

extension Storage {
    /// Commits stores of text.
    @discardableResult
    func commit(
        _ stores: [(oid: ObjectID, serial: TransactionID, text: String)],
        user: String = "",
        description: String = "",
        origin: UInt64 = 0
    ) async throws -> TransactionID {
        let draft = TransactionDraft(
            metadata: TransactionMetadata(user: .init(string: user), description: .init(string: description)),
            operations: stores.map { .store($0.oid, serial: $0.serial, data: ByteBuffer(string: $0.text)) },
            origin: origin
        )
        return try await self.finish(try await self.prepare(draft))
    }

    /// Commits one store of text.
    @discardableResult
    func commit(_ oid: ObjectID, _ serial: TransactionID, _ text: String) async throws -> TransactionID {
        try await self.commit([(oid, serial, text)])
    }

    /// Votes and demands that the vote succeeds.
    func prepare(_ draft: TransactionDraft) async throws -> VoteID {
        switch try await self.vote(draft) {
        case .prepared(let vote): return vote
        case .conflicts(let conflicts): throw UnexpectedConflicts(conflicts: conflicts)
        }
    }

    /// The current revision of an object as text.
    func text(_ oid: ObjectID) async throws -> String? {
        try await self.load(oid, before: .max).map { String(buffer: $0.data) }
    }
}

/// A vote that should have succeeded did not.
struct UnexpectedConflicts: Error {
    var conflicts: [ObjectConflict]
}

/// Numbers in steps.
final class Counter: Sendable {
    private let number: Mutex<UInt64>

    init(_ first: UInt64) {
        self.number = Mutex(first)
    }

    func next(by step: UInt64 = 1) -> UInt64 {
        self.number.withLock { number in
            defer { number += step }
            return number
        }
    }
}
