//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import Testing
import ZODBFormat

@testable import ZODBStorage

/// What happens between `finish` and the disk.
@Suite(.timeLimit(.minutes(1))) struct GroupCommitTests {
    private let a = ObjectID.numbered(1)
    private let b = ObjectID.numbered(2)

    private func draft(_ oid: ObjectID, _ serial: TransactionID, _ text: String) -> TransactionDraft {
        TransactionDraft(operations: [.store(oid, serial: serial, data: ByteBuffer(string: text))])
    }

    @Test func nothingIsVisibleBeforeItIsDurable() async throws {
        try await withTestDisk { storage, disk, _ in
            let first = try await storage.commit(a, .zero, "one")
            let observer = RecordingObserver()
            _ = try await storage.addObserver(observer)
            let size = try storage.statistics().byteCount
            disk.hold()
            let second = Task { try await storage.commit([(a, first, "two"), (b, .zero, "new")]) }
            try await eventually("the disk works") { disk.isHoldingSynchronization }
            #expect(try storage.lastTransaction() == first)
            #expect(try storage.load(a, before: .max)?.tid == first)
            #expect(try storage.load(a, before: .max)?.next == nil)
            #expect(throws: StorageError.self) { try storage.load(b, before: .max) }
            #expect(try storage.statistics().byteCount == size)
            #expect(try await storage.recentTransactions(after: .zero, limit: 9).count == 1)
            #expect(observer.tids.isEmpty)
            disk.release()
            let tid = try await second.value
            #expect(observer.tids == [tid])
            #expect(try storage.lastTransaction() == tid)
            #expect(try storage.load(a, before: .max)?.tid == tid)
        }
    }

    @Test func votesSeeQueuedTransactionsAndNameThemOnceTheyAreVisible() async throws {
        try await withTestDisk { storage, disk, _ in
            let first = try await storage.commit(a, .zero, "one")
            disk.hold()
            let second = Task { try await storage.commit(a, first, "two") }
            try await eventually("the disk works") { disk.isHoldingSynchronization }
            let conflict = Task { [a] in
                guard case .conflicts(let conflicts) = try await storage.vote(self.draft(a, first, "mine")) else {
                    return (conflicts: [ObjectConflict](), data: ByteBuffer?.none)
                }
                return (conflicts, try storage.load(a, at: conflicts[0].committed))
            }
            let check = Task { [a] in
                try await storage.vote(TransactionDraft(operations: [.checkCurrent(a, serial: first)]))
            }
            try await eventually("both have met the queued revision") { storage.waitingForPublicationCount == 2 }
            // The place is free: votes go on while the disk works, and loads do not wait.
            let third = try await storage.prepare(self.draft(b, .zero, "three"))
            #expect(try storage.load(a, before: .max)?.tid == first)
            disk.release()
            let queued = try await second.value
            let (conflicts, data) = try await conflict.value
            #expect(conflicts.map(\.read) == [first])
            #expect(conflicts.map(\.committed) == [queued])
            #expect(data == ByteBuffer(string: "two"))
            let error = await #expect(throws: StorageError.self) { try await check.value }
            #expect(error?.code == .readConflict)
            let tid = try await storage.finish(third)
            #expect(try storage.load(b, before: .max)?.tid == tid)
        }
    }

    @Test func votesThatMetATransactionWhichTheDiskRefusedFail() async throws {
        try await withTestDisk { storage, disk, _ in
            let first = try await storage.commit(a, .zero, "one")
            disk.hold()
            let doomed = Task { try await storage.commit(a, first, "doomed") }
            try await eventually("the disk works") { disk.isHoldingSynchronization }
            let conflict = Task { try await storage.vote(self.draft(a, first, "mine")) }
            try await eventually("it has met the queued revision") { storage.waitingForPublicationCount == 1 }
            disk.refuseSynchronization()
            disk.release()
            let error = await #expect(throws: StorageError.self) { try await conflict.value }
            #expect(error?.code == .writeFailed)
            #expect(error?.message.contains("may or may not be there") == true)
            _ = await doomed.result
        }
    }

    @Test func manyCommitsShareOneSynchronization() async throws {
        try await withTestDisk { storage, disk, _ in
            disk.hold()
            let first = Task { try await storage.commit(a, .zero, "one") }
            try await eventually("the disk works") { disk.isHoldingSynchronization }
            let before = disk.synchronizations
            let others = (10..<40).map { number in
                Task { try await storage.commit(.numbered(UInt64(number)), .zero, "\(number)") }
            }
            try await eventually("all are queued") { storage.queuedTransactionCount == 31 }
            disk.release()
            _ = try await first.value
            for other in others { _ = try await other.value }
            #expect(disk.synchronizations == before + 1)
            #expect(try await storage.recentTransactions(after: .zero, limit: 99).count == 31)
        }
    }

    @Test func withTwoSynchronizationsTheStatusFollowsOnAllElse() async throws {
        try await withTemporaryDirectory { folder in
            let path = folder + "/Data.fs"
            var configuration = FileStorageConfiguration(path: path)
            configuration.synchronizesTwice = true
            let disks = TestDisks()
            let storage = try FileStorage(configuration, wrapping: { disks.make($0) })
            let disk = disks.all[0]
            let status = Recovery.start + TransactionHeader.statusOffset
            // What lies within one sector is there or is not.
            let first = try await storage.commit(a, .zero, "short")
            #expect(disk.synchronizations == 1)
            disk.hold()
            let end = storage.queuedEnd
            let text = String(repeating: "long", count: 200)
            let second = Task { try await storage.commit(a, first, text) }
            try await eventually("the disk works") { disk.isHoldingSynchronization }
            let others = (10..<12).map { number in
                Task { try await storage.commit(.numbered(UInt64(number)), .zero, text) }
            }
            try await eventually("all are queued") { storage.queuedTransactionCount == 3 }
            #expect(try bytes(of: path)[status] == UInt8(ascii: " "))
            #expect(try bytes(of: path)[end + TransactionHeader.statusOffset] == UInt8(ascii: "c"))
            disk.release()
            _ = try await second.value
            for other in others { _ = try await other.value }
            #expect(disk.synchronizations == 5)
            #expect(try bytes(of: path)[end + TransactionHeader.statusOffset] == UInt8(ascii: " "))
            try await storage.close()
            #expect(try await runPython("packing.py", ["records", path]).contains(first.hex))
        }
    }

    @Test func failedSynchronizationFailsAllThatIsQueuedAndEndsWriting() async throws {
        try await withTestDisk { storage, disk, path in
            let first = try await storage.commit(a, .zero, "one")
            let observer = RecordingObserver()
            _ = try await storage.addObserver(observer)
            disk.hold()
            let durable = Task { try await storage.commit(b, .zero, "durable") }
            try await eventually("the disk works") { disk.isHoldingSynchronization }
            let end = storage.queuedEnd
            let doomed = (10..<15).map { number in
                Task { try await storage.commit(.numbered(UInt64(number)), .zero, "doomed \(number)") }
            }
            try await eventually("all are queued") { storage.queuedTransactionCount == 6 }
            // The first batch is through; the second one meets the failure.
            disk.refuseSynchronizationAfterHeld()
            disk.release()
            let second = try await durable.value
            for task in doomed {
                let error = await #expect(throws: StorageError.self) { try await task.value }
                #expect(error?.code == .writeFailed)
                #expect(error?.underlyingError is FileError)
            }
            // Reads go on, writing does not.
            #expect(observer.tids == [second])
            #expect(try storage.lastTransaction() == second)
            #expect(try storage.load(a, before: .max)?.tid == first)
            #expect(throws: StorageError.self) { try storage.load(.numbered(10), before: .max) }
            let error = await #expect(throws: StorageError.self) { try await storage.commit(a, first, "more") }
            #expect(error?.code == .writeFailed)
            try await storage.close()

            // The next opening finds what was acknowledged, and nothing else.
            let again = try await FileStorage.open(.init(path: path))
            #expect(try again.lastTransaction() == second)
            #expect(try again.statistics().byteCount == end)
            #expect(!FileManager.default.fileExists(atPath: path + ".tr0"), "nothing was left to be cut off")
            try await again.commit(a, first, "more")
            try await again.close()
        }
    }

    @Test func voteThatWasPreparedBeforeTheFailureFailsAtItsFinish() async throws {
        try await withTestDisk { storage, disk, _ in
            disk.hold()
            let doomed = Task { try await storage.commit(a, .zero, "doomed") }
            try await eventually("the disk works") { disk.isHoldingSynchronization }
            let prepared = try await storage.prepare(self.draft(b, .zero, "prepared"))
            let waiting = Task { try await storage.commit(b, .zero, "waiting") }
            disk.refuseSynchronization()
            disk.release()
            let error = await #expect(throws: StorageError.self) { try await doomed.value }
            #expect(error?.code == .writeFailed)
            let other = await #expect(throws: StorageError.self) { try await storage.finish(prepared) }
            #expect(other?.code == .writeFailed)
            let last = await #expect(throws: StorageError.self) { try await waiting.value }
            #expect(last?.code == .writeFailed)
        }
    }

    @Test func closingWaitsForWhatWasQueued() async throws {
        try await withTestDisk { storage, disk, path in
            disk.hold()
            let commit = Task { try await storage.commit(a, .zero, "one") }
            try await eventually("the disk works") { disk.isHoldingSynchronization }
            let closing = Task { try await storage.close() }
            try await eventually("it closes") { (try? storage.newObjectIDs(0)) == nil }
            disk.release()
            let tid = try await commit.value
            try await closing.value
            let again = try await FileStorage.open(.init(path: path))
            #expect(try again.lastTransaction() == tid)
            try await again.close()
        }
    }
}
