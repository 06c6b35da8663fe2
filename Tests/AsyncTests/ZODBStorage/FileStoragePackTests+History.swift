//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import Synchronization
import Testing
import ZODBFormat

@testable import ZODBStorage

/// Packs, and what others know of the history.
extension FileStoragePackTests {
    /// Clients that have seen the last transaction refuse a server that has not.
    @Test func lastTransactionStaysEvenWhenAllThatItWroteIsGarbage() async throws {
        try await withStorage { storage, tids, path in
            let last = try await storage.commit([.numbered(9): record("garbage")])
            try await storage.packAll()
            let packed = try bytes(of: path)
            try await storage.packAll()
            #expect(try bytes(of: path) == packed)
            try await storage.close()
            let again = try await FileStorage.open(.init(path: path))
            #expect(try again.lastTransaction() == last)
            #expect(try again.statistics().objectCount == 2)
            #expect(try await again.recentTransactions(after: tids[2], limit: 9).map(\.oids) == [[]])
            try await again.commit([a: record("four")])
            try await again.packAll()
            #expect(
                try await again.recentTransactions(after: .zero, limit: 9).map(\.tid) == [
                    tids[0], try again.lastTransaction(),
                ]
            )
            try await again.close()
        }
    }

    @Test func transactionCanBeUndoneBehindAPackAndDuringOne() async throws {
        let storages = Mutex<FileStorage?>(nil)
        let undone = Mutex<TransactionID?>(nil)
        try await withStorage(step: { step in
            guard step == .copied, let tid = undone.withLock({ $0.take() }) else { return }
            let storage = storages.withLock { $0 }!
            let finished = DispatchSemaphore(value: 0)
            Task {
                let vote = try await storage.prepare(TransactionDraft(operations: [.undo(tid)]))
                _ = try await storage.finish(vote)
                finished.signal()
            }
            finished.wait()
        }) { storage, tids, _ in
            storages.withLock { $0 = storage }
            // The undo points to "three" while the pack leaves that out, since "four" is current.
            let four = try await storage.commit([a: record("four")])
            undone.withLock { $0 = four }
            try await storage.packAll()
            #expect(undone.withLock { $0 } == nil)
            #expect(try storage.load(a, before: .max)?.data == record("three"))
            #expect(await self.code { _ = try storage.load(a, at: tids[1]) } == .noSuchObject)
            // What was packed cannot be undone, what comes behind can.
            #expect(
                await self.code { _ = try await storage.prepare(.init(operations: [.undo(tids[2])])) } == .undoFailed
            )
            let five = try await storage.commit([a: record("five")])
            _ = try await storage.finish(try await storage.prepare(TransactionDraft(operations: [.undo(five)])))
            #expect(try storage.load(a, before: .max)?.data == record("three"))
            try await storage.packAll()
            #expect(try storage.load(a, before: .max)?.data == record("three"))
            storages.withLock { $0 = nil }
        }
    }

    /// Two undos at once may write an object twice. Python's pack takes the first of the two for the one that counts.
    @Test func undoThatPointsToTheSecondRecordOfAnObjectInATransactionKeepsItsData() async throws {
        try await withStorage { storage, tids, path in
            let both = TransactionDraft(operations: [.undo(tids[2]), .undo(tids[1])])
            let tid = try await storage.finish(try await storage.prepare(both))
            let written = try await storage.allTransactions(from: tid, through: tid).flatMap(\.records).map(\.oid)
            #expect(written == [a, b, c, a])
            let five = try await storage.commit([a: record("five")])
            let undone = try await storage.finish(try await storage.prepare(.init(operations: [.undo(five)])))
            let end = try await storage.commit([root: record("the end", [a])])
            for before in [tids[2], tid, tid.successor, five.successor, undone.successor, end.successor] {
                try await storage.pack(PackRequest(before: before))
                #expect(try storage.load(a, before: .max)?.data == record("one"))
                #expect(try storage.load(a, before: .max)?.tid == undone)
                if before <= five { #expect(try storage.load(a, at: tid) == record("one")) }
            }
        }
    }

    @Test func cursorThatWasBegunBeforeAPackSeesWhatItSawThen() async throws {
        try await withStorage { storage, tids, _ in
            let cursor = try await storage.transactions(from: .zero, through: .max)
            let first = try #require(try await cursor.next())
            try await storage.packAll()
            try await storage.commit([a: record("later")])
            var seen = [first.tid]
            while let transaction = try await cursor.next() { seen.append(transaction.tid) }
            #expect(seen == tids)
        }
    }
}
