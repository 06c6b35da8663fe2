//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing
import ZODBFormat

@testable import ZODBStorage

@Suite(.timeLimit(.minutes(1))) struct FileStorageUndoTests {
    /// Stores are written before deletions: the store would be lost without an error.
    @Test func anObjectThatIsDeletedIsNotStoredAgainInTheSameTransaction() throws {
        let draft = TransactionDraft(operations: [
            .delete(.root, serial: .zero), .store(.root, serial: .zero, data: ByteBuffer(string: "data")),
        ])
        #expect {
            try CheckedDraft(draft)
        } throws: {
            ($0 as? StorageError)?.code == .invalidArgument
        }
    }

    private let a = ObjectID.numbered(1)
    private let b = ObjectID.numbered(2)

    private func withFileStorage(_ body: (FileStorage) async throws -> Void) async throws {
        try await withTemporaryDirectory { folder in
            let storage = try await FileStorage.open(.init(path: folder + "/Data.fs"))
            try await body(storage)
            try await storage.close()
        }
    }

    @Test func undoBringsBackTheRevisionBefore() async throws {
        try await withFileStorage { storage in
            let first = try await storage.commit(a, .zero, "one")
            let second = try await storage.commit(a, first, "two")
            let size = try storage.statistics().byteCount
            let undo = try await storage.undo(second)
            #expect(undo.written == [a])
            #expect(try storage.load(a, before: .max)?.tid == undo.tid)
            #expect(try await storage.text(a) == "one")
            #expect(try storage.load(a, at: undo.tid) == ByteBuffer(string: "one"))
            #expect(try storage.statistics().byteCount == size + 23 + 50 + 8, "a pointer has eight bytes")
            let told = try #require(try await storage.allTransactions().last)
            #expect(
                told.records == [
                    .init(oid: a, tid: undo.tid, data: ByteBuffer(string: "one"), dataTransaction: first)
                ]
            )
            #expect(try await storage.history(of: a, limit: 9).map(\.size) == [0, 3, 3])
        }
    }

    @Test func undoOfUndosAndOfCreations() async throws {
        try await withFileStorage { storage in
            let first = try await storage.commit(a, .zero, "one")
            let second = try await storage.commit(a, first, "two")
            let third = try await storage.commit(a, second, "three")
            let undoneThird = try await storage.undo(third).tid
            #expect(try await storage.text(a) == "two")
            // What was changed and taken back since counts for nothing.
            let undoneSecond = try await storage.undo(second).tid
            #expect(try await storage.text(a) == "one")
            let gone = try await storage.undo(first)
            #expect(gone.written == [a])
            for load in [
                { _ = try storage.load(a, before: .max) }, { _ = try storage.load(a, at: gone.tid) },
                { _ = try storage.serial(of: a, before: .max) },
            ] {
                let error = #expect(throws: StorageError.self) { try load() }
                #expect(error?.code == .noSuchObject)
            }
            #expect(try storage.load(a, before: gone.tid)?.next == gone.tid)
            #expect(try await storage.allCurrentRecords().isEmpty)
            #expect(try await storage.history(of: a, limit: 1).map(\.tid) == [gone.tid])
            #expect(try await storage.allTransactions().last?.records.first?.data == nil)
            // Nobody can undo it twice, nor what was before it.
            for tid in [first, second, undoneSecond] {
                let error = await #expect(throws: StorageError.self) { try await storage.undo(tid) }
                #expect(error?.code == .undoFailed)
                #expect(error?.undoProblems.map(\.oid) == [a])
            }
            try await storage.undo(gone.tid)
            #expect(try await storage.text(a) == "one")
            try await storage.undo(undoneSecond)
            #expect(try await storage.text(a) == "two")
            try await storage.undo(undoneThird)
            #expect(try await storage.text(a) == "three")
        }
    }

    @Test func severalTransactionsAreUndoneInOne() async throws {
        try await withFileStorage { storage in
            let first = try await storage.commit([(a, .zero, "a1"), (b, .zero, "b1")])
            let second = try await storage.commit([(a, first, "a2"), (b, first, "b2")])
            let third = try await storage.commit([(a, second, "a3"), (b, second, "b3")])
            let observer = RecordingObserver()
            _ = try await storage.addObserver(observer)
            let undo = try await storage.undo(third, second)
            #expect(undo.written == [a, b])
            #expect(observer.transactions.map(\.oids) == [[a, b]], "each object once")
            #expect(try await storage.text(a) == "a1")
            #expect(try await storage.text(b) == "b1")
            try await storage.undo(undo.tid)
            #expect(try await storage.text(a) == "a3")
            #expect(try await storage.text(b) == "b3")
            // In the wrong order the older one meets the changes of the younger.
            let error = await #expect(throws: StorageError.self) { try await storage.undo(second, third) }
            #expect(error?.undoProblems.map(\.oid) == [a, b])
        }
    }

    @Test func storesAndUndosOfOneDraftAreDoneInItsOrder() async throws {
        try await withFileStorage { storage in
            let first = try await storage.commit([(a, .zero, "a1"), (b, .zero, "b1")])
            let second = try await storage.commit([(a, first, "a2"), (b, first, "b2")])
            func store(_ text: String) -> TransactionDraft.Operation {
                .store(a, serial: second, data: ByteBuffer(string: text))
            }
            // Behind the store it is the store that the undo meets.
            let behind = TransactionDraft(operations: [store("a3"), .undo(second)])
            let error = await #expect(throws: StorageError.self) { try await storage.prepare(behind) }
            #expect(error?.code == .undoFailed)
            #expect(error?.undoProblems.map(\.oid) == [a])
            let same = TransactionDraft(operations: [store("a2"), .undo(second)])
            await storage.abort(try await storage.prepare(same))
            // Behind the undo the store is the last word.
            let inFront = TransactionDraft(operations: [.undo(second), store("a3")])
            let third = try await storage.finish(try await storage.prepare(inFront))
            #expect(try await storage.text(a) == "a3")
            #expect(try await storage.text(b) == "b1")
            #expect(try await storage.recentTransactions(after: second, limit: 9).map(\.tid) == [third])
            #expect(try await storage.recentTransactions(after: second, limit: 9)[0].oids == [a, b])
        }
    }

    @Test func undoUnderLaterChangesFailsAndLeavesNothing() async throws {
        try await withFileStorage { storage in
            let first = try await storage.commit([(a, .zero, "a1"), (b, .zero, "b1")])
            let second = try await storage.commit([(a, first, "a2"), (b, first, "b2")])
            let third = try await storage.commit(a, second, "a3")
            let size = try storage.statistics().byteCount
            var error = await #expect(throws: StorageError.self) { try await storage.undo(second) }
            #expect(error?.code == .undoFailed)
            #expect(error?.undoProblems.map(\.oid) == [a])
            #expect(error?.undoProblems.first?.problem == "Some data were modified by a later transaction")
            error = await #expect(throws: StorageError.self) { try await storage.undo(first) }
            #expect(error?.undoProblems.map(\.oid) == [a, b])
            #expect(
                error?.undoProblems.first?.problem
                    == "Can't undo an add transaction followed by conflicting transactions."
            )
            #expect(try storage.statistics().byteCount == size)
            // The place is free, and a later change to the same data as before is none.
            try await storage.commit(a, third, "a2")
            try await storage.undo(second)
            #expect(try await storage.text(a) == "a1")
            #expect(try await storage.text(b) == "b1")
        }
    }

    @Test func whatIsPackedOrUnknownIsNotUndone() async throws {
        try await withFileStorage { storage in
            var tids: [TransactionID] = []
            for number in 0..<4 {
                var draft = TransactionDraft(operations: [
                    .store(.numbered(UInt64(number)), serial: .zero, data: ByteBuffer(string: "x"))
                ])
                if number == 2 { draft.status = .packed }
                tids.append(try await storage.finish(try await storage.prepare(draft)))
            }
            #expect(try await storage.undoableTransactions(skipping: 0, limit: 9) { _ in true }.map(\.tid) == [tids[3]])
            for (tid, message) in [
                (tids[2], "non-undoable transaction"), (tids[3].successor, "Invalid transaction id"),
                (.zero, "Invalid transaction id"),
            ] {
                let error = await #expect(throws: StorageError.self) { try await storage.undo(tid) }
                #expect(error?.code == .undoFailed)
                #expect(error?.message == message)
                #expect(error?.undoProblems.isEmpty == true)
            }
            try await storage.undo(tids[3])
        }
    }

    @Test func whatIsQueuedIsWaitedForBeforeItIsCompared() async throws {
        try await withTestDisk { storage, disk, _ in
            let first = try await storage.commit([(a, .zero, "a1")])
            let second = try await storage.commit([(a, first, "a2"), (b, .zero, "b1")])
            disk.hold()
            async let third = storage.commit(a, second, "a3")
            try await eventually("the disk works") { disk.isHoldingSynchronization }
            let refused = Task { try await storage.undo(second) }
            try await eventually("the undo waits") { storage.waitingForPublicationCount == 1 }
            disk.release()
            let error = await #expect(throws: StorageError.self) { try await refused.value }
            #expect(error?.undoProblems.map(\.oid) == [a])
            _ = try await third

            // A pointer to what is queued leads to the right place.
            disk.hold()
            let last = try await third
            async let fourth = storage.commit(a, last, "a4")
            try await eventually("the disk works") { disk.isHoldingSynchronization }
            let undo = Task { try await storage.undo(last) }
            try await eventually("the undo waits") { storage.waitingForPublicationCount == 1 }
            disk.release()
            await #expect(throws: StorageError.self) { try await undo.value }
            try await storage.undo(try await fourth)
            #expect(try await storage.text(a) == "a3")
        }
    }

    @Test func queuedUndoneCreationCountsAsGone() async throws {
        try await withTestDisk { storage, disk, _ in
            let first = try await storage.commit(a, .zero, "a1")
            disk.hold()
            let undo = Task { try await storage.undo(first) }
            try await eventually("the disk works") { disk.isHoldingSynchronization }
            let check = TransactionDraft(operations: [.checkCurrent(a, serial: first)])
            let error = await #expect(throws: StorageError.self) { try await storage.vote(check) }
            #expect(error?.code == .noSuchObject)
            #expect(try await storage.text(a) == "a1", "it is not visible yet")
            disk.release()
            let tid = try await undo.value.tid
            try await storage.commit(a, tid, "again")
            #expect(try await storage.text(a) == "again")
        }
    }

    @Test func deletedObjectsAreGoneAndTheirRevisionsAreThere() async throws {
        try await withFileStorage { storage in
            let first = try await storage.commit([(a, .zero, "a1"), (b, .zero, "b1")])
            let draft = TransactionDraft(operations: [.delete(a, serial: first)])
            let tid = try await storage.finish(try await storage.prepare(draft))
            #expect(throws: StorageError.self) { try storage.load(a, before: .max) }
            #expect(
                try storage.load(a, before: tid)
                    == ObjectRevision(data: ByteBuffer(string: "a1"), tid: first, next: tid)
            )
            #expect(try await storage.allCurrentRecords().map(\.oid) == [b])
            let conflict = await #expect(throws: StorageError.self) { try await storage.vote(draft) }
            #expect(conflict?.code == .conflict)
            #expect(conflict?.serials?.committed == tid)
            let missing = TransactionDraft(operations: [.delete(.numbered(9), serial: first)])
            let error = await #expect(throws: StorageError.self) { try await storage.vote(missing) }
            #expect(error?.code == .noSuchObject)
            try await storage.undo(tid)
            #expect(try await storage.text(a) == "a1")
        }
    }

    @Test func restoredTransactionsKeepTheirIdentifiersAndShareData() async throws {
        try await withFileStorage { storage in
            let tids = (0..<5).map { TransactionID(rawValue: 0x3a0_0000_0000_0000 + UInt64($0)) }
            let data = ByteBuffer(string: "data")
            func restore(_ tid: TransactionID, _ data: ByteBuffer?, _ source: TransactionID?) async throws {
                var draft = TransactionDraft(operations: [
                    .restore(a, serial: tid, data: data, dataTransaction: source, blob: nil)
                ])
                draft.tid = tid
                #expect(try await storage.finish(try await storage.prepare(draft)) == tid)
            }
            try await restore(tids[0], data, nil)
            try await restore(tids[1], ByteBuffer(string: "changed"), tids[0])
            try await restore(tids[2], data, tids[0])
            try await restore(tids[3], nil, nil)
            try await restore(tids[4], data, tids[0].successor.successor.successor)
            let records = try await storage.allTransactions().flatMap(\.records)
            #expect(records.map(\.tid) == tids)
            #expect(records.map(\.dataTransaction) == [nil, nil, tids[0], nil, nil])
            #expect(records.map(\.data) == [data, ByteBuffer(string: "changed"), data, nil, data])
            // Times do not go back, and revisions belong to their transactions.
            for (tid, serial) in [(tids[4], tids[4]), (tids[1], tids[1]), (.max, .max), (tids[4].successor, tids[4])] {
                var draft = TransactionDraft(operations: [
                    .restore(a, serial: serial, data: data, dataTransaction: nil, blob: nil)
                ])
                draft.tid = tid
                let error = await #expect(throws: StorageError.self) { try await storage.vote(draft) }
                #expect(error?.code == .invalidArgument)
            }
            #expect(try await storage.commit(a, tids[4], "next") > tids[4])
        }
    }

    @Test func undosBesideCommitsLoseNothing() async throws {
        try await withTemporaryDirectory { folder in
            let path = folder + "/Data.fs"
            let storage = try await FileStorage.open(.init(path: path))
            let shared = ObjectID.numbered(100)
            try await storage.commit(shared, .zero, "shared")
            try await withThrowingTaskGroup(of: Void.self) { group in
                for worker in 1...8 {
                    let oid = ObjectID.numbered(UInt64(worker))
                    group.addTask {
                        var serial = TransactionID.zero
                        for round in 0..<20 {
                            // Sometimes all write the same object, too.
                            var tid: TransactionID?
                            while tid == nil {
                                var draft = TransactionDraft(operations: [
                                    .store(oid, serial: serial, data: ByteBuffer(string: "\(worker) \(round)"))
                                ])
                                if round.isMultiple(of: 5), let current = try storage.load(shared, before: .max) {
                                    draft.operations.append(
                                        .store(shared, serial: current.tid, data: ByteBuffer(string: "by \(worker)"))
                                    )
                                }
                                guard case .prepared(let vote) = try await storage.vote(draft) else { continue }
                                tid = try await storage.finish(vote)
                            }
                            serial = tid ?? .zero
                            guard round % 3 == 1, !round.isMultiple(of: 5) else { continue }
                            serial = try await storage.undo(serial).tid
                            #expect(try await storage.text(oid) == "\(worker) \(round - 1)")
                        }
                    }
                }
                try await group.waitForAll()
            }
            for worker in 1...8 { #expect(try await storage.text(.numbered(UInt64(worker))) == "\(worker) 18") }
            try await storage.close()
            #expect(try await runPython("filestorage.py", ["check", path]).contains("clean"))
        }
    }
}

extension Storage {
    /// Undoes transactions in one, and says which objects that wrote.
    @discardableResult
    func undo(_ tids: TransactionID...) async throws -> (tid: TransactionID, written: [ObjectID]) {
        let vote = try await self.prepare(TransactionDraft(operations: tids.map { .undo($0) }))
        let written = await self.mergedObjects(of: vote)
        return (try await self.finish(vote), written)
    }
}
