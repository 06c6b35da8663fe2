//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import Testing
import ZODBFormat

@testable import ZODBStorage

/// What happens when the disk does not take what is to be written.
@Suite(.timeLimit(.minutes(1))) struct FullDiskTests {
    private let a = ObjectID.numbered(1)
    private let b = ObjectID.numbered(2)

    @Test func refusedTransactionFailsAndTheNextOneIsTriedAgain() async throws {
        try await withTestDisk { storage, disk, path in
            let first = try await storage.commit(a, .zero, "one")
            let end = storage.queuedEnd
            disk.fill(at: end + 30)
            for _ in 0..<3 {
                let error = await #expect(throws: StorageError.self) { try await storage.commit(a, first, "two") }
                #expect(error?.code == .writeFailed)
                #expect(error?.underlyingError as? FileError == FileError(operation: "write", path: path, code: ENOSPC))
                #expect(storage.queuedEnd == end)
                #expect(try storage.lastTransaction() == first)
                #expect(try await storage.text(a) == "one")
                let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int
                #expect(size == end, "nothing half-written stays")
            }
            disk.fill(at: nil)
            let second = try await storage.commit([(a, first, "two"), (b, .zero, "new")])
            #expect(try await storage.text(a) == "two")
            try await storage.close()

            let again = try await FileStorage.open(.init(path: path))
            #expect(try again.lastTransaction() == second)
            #expect(try await again.recentTransactions(after: .zero, limit: 9).map(\.tid) == [first, second])
            try await again.close()
        }
    }

    @Test func whatStandsInFrontOfTheRefusedOneIsCommittedAndWhatStandsBehindItFails() async throws {
        try await withTestDisk { storage, disk, path in
            disk.hold()
            let durable = Task { try await storage.commit(a, .zero, "durable") }
            try await eventually("the disk works") { disk.isHoldingSynchronization }
            // They queue in this order, since each waits for the one before to be queued.
            var tasks: [Task<TransactionID, any Error>] = []
            for number in 10..<14 {
                let count = storage.queuedTransactionCount
                let text = number == 12 ? String(repeating: "x", count: 1000) : "small"
                tasks.append(Task { try await storage.commit(.numbered(UInt64(number)), .zero, text) })
                try await eventually("it is queued") { storage.queuedTransactionCount == count + 1 }
            }
            // A vote meets the one that will be refused, and one is prepared behind all of them.
            let conflict = Task {
                try await storage.vote(
                    TransactionDraft(operations: [.checkCurrent(.numbered(12), serial: .zero)])
                )
            }
            try await eventually("it waits") { storage.waitingForPublicationCount == 1 }
            let prepared = try await storage.prepare(
                TransactionDraft(operations: [.store(b, serial: .zero, data: ByteBuffer(string: "prepared"))])
            )
            disk.fill(at: storage.queuedEnd - 200)
            disk.release()
            let first = try await durable.value
            var kept: [TransactionID] = [first]
            for task in tasks.prefix(2) { kept.append(try await task.value) }
            for task in tasks.suffix(2) {
                let error = await #expect(throws: StorageError.self) { try await task.value }
                #expect(error?.code == .writeFailed)
            }
            let error = await #expect(throws: StorageError.self) { try await conflict.value }
            #expect(error?.code == .writeFailed)
            disk.fill(at: nil)
            kept.append(try await storage.finish(prepared))
            kept.append(try await storage.commit(.numbered(12), .zero, "at last"))
            #expect(throws: StorageError.self) { try storage.load(.numbered(13), before: .max) }
            try await storage.close()

            let again = try await FileStorage.open(.init(path: path))
            #expect(try await again.recentTransactions(after: .zero, limit: 99).map(\.tid) == kept)
            #expect(try await again.text(.numbered(12)) == "at last")
            try await again.close()
            #expect(try await runPython("packing.py", ["records", path]).contains(kept[4].hex))
        }
    }

    @Test func refusedRestoreCanBeTriedAgain() async throws {
        try await withTestDisk { storage, disk, path in
            let tid = try #require(TransactionID(TransactionTime(year: 2001, month: 2, day: 3)))
            func restored(_ oid: ObjectID, _ tid: TransactionID, _ text: String) -> TransactionDraft {
                var draft = TransactionDraft(operations: [
                    .restore(oid, serial: tid, data: ByteBuffer(string: text), dataTransaction: nil, blob: nil)
                ])
                draft.tid = tid
                return draft
            }
            disk.fill(at: storage.queuedEnd + 30)
            let refused = try await storage.prepare(restored(a, tid, "one"))
            let error = await #expect(throws: StorageError.self) { try await storage.finish(refused) }
            #expect(error?.code == .writeFailed)
            disk.fill(at: nil)
            #expect(try await storage.finish(try await storage.prepare(restored(a, tid, "one"))) == tid)
            let early = await #expect(throws: StorageError.self) {
                try await storage.prepare(restored(b, tid, "two"))
            }
            #expect(early?.code == .invalidArgument, "it is there already")
            #expect(try await storage.finish(try await storage.prepare(restored(b, tid.successor, "two"))) > tid)
            // It counts as committed for whoever waits for it.
            let undo = try await storage.prepare(TransactionDraft(operations: [.undo(tid)]))
            _ = try await storage.finish(undo)
            await #expect(throws: StorageError.self) { try await storage.text(a) }
        }
    }

    @Test func refusedTransactionThatCannotBeCutOffEndsWritingAndTheErrorSaysThatItsFateIsNotKnown() async throws {
        try await withTestDisk { storage, disk, _ in
            let first = try await storage.commit(a, .zero, "one")
            disk.fill(at: storage.queuedEnd + 30)
            disk.refuseTruncation()
            let error = await #expect(throws: StorageError.self) { try await storage.commit(a, first, "two") }
            #expect(error?.code == .writeFailed)
            #expect(error?.message.contains("may or may not be there") == true)
            disk.fill(at: nil)
            let next = await #expect(throws: StorageError.self) { try await storage.commit(a, first, "three") }
            #expect(next?.message.contains("until it is opened again") == true)
            #expect(try await storage.text(a) == "one")
        }
    }
}
