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

/// What a pack keeps and what it removes, how it may fail, and what it leaves behind.
@Suite(.timeLimit(.minutes(1))) struct FileStoragePackTests {
    let root = ObjectID.root
    let a = ObjectID.numbered(1)
    let b = ObjectID.numbered(2)
    let c = ObjectID.numbered(3)

    /// Runs `body` with a storage in which the root refers to `a`, and `a` has three revisions.
    func withStorage(
        packGC: Bool = true,
        packKeepOld: Bool = false,
        quota: Int? = nil,
        disks: TestDisks = TestDisks(),
        step: @escaping @Sendable (PackFiles.Step) throws -> Void = { _ in },
        isolation: isolated (any Actor)? = #isolation,
        _ body: (FileStorage, [TransactionID], _ path: String) async throws -> Void
    ) async throws {
        try await withTemporaryDirectory { folder in
            let path = folder + "/Data.fs"
            let storage = try FileStorage(
                .init(path: path, quota: quota, packGC: packGC, packKeepOld: packKeepOld),
                packStep: step,
                wrapping: { disks.make($0) }
            )
            var tids = [try await storage.commit([root: record("root", [a]), a: record("one")])]
            tids.append(try await storage.commit([a: record("two")]))
            tids.append(try await storage.commit([a: record("three"), b: record("garbage", [c]), c: record("too")]))
            try await body(storage, tids, path)
            try await storage.close()
            if FileManager.default.fileExists(atPath: path) {
                #expect(try await runPython("packing.py", ["check", path]).contains("clean"))
            }
        }
    }

    func code(_ body: () async throws -> Void) async -> StorageError.Code? {
        do { try await body() } catch { return (error as? StorageError)?.code }
        return nil
    }

    @Test func oldRevisionsAndGarbageGoAndTheRestIsLoadedAsBefore() async throws {
        try await withStorage { storage, tids, path in
            let size = try storage.statistics().byteCount
            try await storage.packAll()
            #expect(try storage.load(a, before: .max)?.data == record("three"))
            #expect(try storage.load(a, before: .max)?.tid == tids[2])
            #expect(try storage.load(root, before: .max)?.tid == tids[0])
            #expect(try storage.load(a, before: tids[2]) == nil)
            for tid in tids.prefix(2) {
                #expect(await self.code { _ = try storage.load(a, at: tid) } == .noSuchObject)
            }
            for oid in [b, c] { #expect(await self.code { _ = try storage.load(oid, before: .max) } == .noSuchObject) }
            #expect(try storage.statistics().objectCount == 2)
            #expect(try storage.statistics().byteCount < size)
            #expect(try storage.statistics().byteCount == bytes(of: path).count)
            #expect(try storage.lastTransaction() == tids[2])
            #expect(try await storage.recentTransactions(after: .zero, limit: 9).map(\.tid) == [tids[0], tids[2]])
            // Commits go on, in the new file.
            let tid = try await storage.commit([a: record("four", [b]), b: record("again")])
            #expect(try storage.load(a, before: tid)?.tid == tids[2])
            try await storage.close()
            let again = try await FileStorage.open(.init(path: path))
            #expect(try again.load(a, before: .max)?.tid == tid)
            #expect(try again.load(a, before: tid)?.data == record("three"))
            #expect(try again.statistics().objectCount == 3)
            try await again.close()
        }
    }

    @Test func garbageStaysWhereItIsNotCollected() async throws {
        try await withStorage(packGC: false) { storage, tids, _ in
            try await storage.packAll()
            #expect(try storage.load(b, before: .max)?.tid == tids[2])
            #expect(try storage.statistics().objectCount == 4)
            #expect(await self.code { _ = try storage.load(a, at: tids[0]) } == .noSuchObject)
            _ = try await storage.commit([a: record("four")])
            try await storage.packAll(collectsGarbage: true)
            #expect(try storage.statistics().objectCount == 2)
        }
    }

    @Test func whatWasCurrentAtTheTimeOfThePackStays() async throws {
        try await withStorage { storage, tids, _ in
            try await storage.pack(PackRequest(before: tids[2]))
            #expect(try storage.load(a, at: tids[1]) == record("two"))
            #expect(try storage.load(a, before: tids[2])?.tid == tids[1])
            #expect(try storage.load(a, before: .max)?.tid == tids[2])
            #expect(await self.code { _ = try storage.load(a, at: tids[0]) } == .noSuchObject)
            #expect(try storage.load(b, before: .max)?.data == record("garbage", [c]), "it came later")
        }
    }

    @Test func nothingIsDoneWhereThereIsNothingToDo() async throws {
        try await withStorage { storage, tids, path in
            let before = try bytes(of: path)
            try await storage.pack(PackRequest(before: tids[0]))
            try await storage.pack(PackRequest(before: .zero))
            #expect(try bytes(of: path) == before, "a pack to a time before the first transaction")
            try await storage.packAll()
            let packed = try bytes(of: path)
            #expect(packed != before)
            let identity = try FileIdentity(ofFileAt: path)
            try await storage.packAll()
            try await storage.pack(PackRequest(before: .max))
            try await storage.pack(PackRequest(before: tids[1]))
            #expect(try bytes(of: path) == packed, "packs to the same time, the future and the past")
            #expect(try FileIdentity(ofFileAt: path) == identity)
        }
        try await withTemporaryDirectory { folder in
            let storage = try await FileStorage.open(.init(path: folder + "/Data.fs"))
            try await storage.pack(PackRequest(before: .max))
            #expect(try storage.statistics().byteCount == 4)
            try await storage.close()
        }
    }

    @Test func referencesToOtherDatabasesAreNotFollowed() async throws {
        try await withStorage { storage, _, _ in
            try await storage.commit([a: record("four", [b, .numbered(0x7777)], database: "other")])
            try await storage.packAll()
            #expect(try storage.statistics().objectCount == 2)
        }
    }

    @Test func garbageThatIsReferredToAgainLaterStays() async throws {
        try await withStorage { storage, tids, _ in
            let tid = try await storage.commit([a: record("four", [b])])
            try await storage.pack(PackRequest(before: tid))
            #expect(try storage.load(c, before: .max)?.data == record("too"))
            #expect(try storage.load(b, before: .max)?.tid == tids[2])
            #expect(await self.code { _ = try storage.load(a, at: tids[1]) } == .noSuchObject)
        }
    }

    @Test func garbageThatIsReferredToAgainDuringThePackStays() async throws {
        let storages = Mutex<FileStorage?>(nil)
        let done = Atomic(false)
        try await withStorage(step: { [a, b] step in
            guard step == .copied, !done.exchange(true, ordering: .relaxed) else { return }
            let storage = storages.withLock { $0 }!
            let finished = DispatchSemaphore(value: 0)
            Task {
                try await storage.commit([a: record("four", [b])])
                finished.signal()
            }
            finished.wait()
        }) { storage, tids, _ in
            storages.withLock { $0 = storage }
            try await storage.packAll()
            #expect(try storage.load(a, before: .max)?.data == record("four", [b]))
            #expect(try storage.load(b, before: .max)?.tid == tids[2])
            #expect(try storage.load(c, before: .max)?.data == record("too"))
            #expect(await self.code { _ = try storage.load(a, at: tids[1]) } == .noSuchObject)
            storages.withLock { $0 = nil }
        }
    }

    @Test func referenceToNothingAndUnreadableRecordFailThePackAndChangeNothing() async throws {
        try await withStorage { storage, _, path in
            let tid = try await storage.commit([a: record("four", [.numbered(0x99)])])
            let before = try bytes(of: path)
            let error = await #expect(throws: StorageError.self) { try await storage.packAll() }
            #expect(error?.code == .noSuchObject)
            #expect(error?.oid == .numbered(0x99))
            try await storage.commit([(a, tid, "no pickle")])
            #expect(await self.code { try await storage.packAll() } == .corrupted)
            #expect(try bytes(of: path).starts(with: before))
            #expect(!FileManager.default.fileExists(atPath: path + ".pack"))
            try await storage.packAll(collectsGarbage: false)
            #expect(try await storage.text(a) == "no pickle")
            try await storage.commit([a: record("mended")])
        }
    }

    @Test func oldFileIsKeptWhenItShallBe() async throws {
        try await withStorage(packKeepOld: true) { storage, tids, path in
            for _ in 0..<2 {
                let before = try bytes(of: path)
                try await storage.packAll()
                #expect(try bytes(of: path + ".old") == before)
                #expect(try bytes(of: path) != before)
                try await storage.commit([a: record("more")])
            }
            let old = try await FileStorage.open(.init(path: path + ".old", readOnly: true))
            #expect(try old.load(a, before: .max)?.data == record("more"))
            try await old.close()
        }
        try await withStorage { storage, _, path in
            try Data("an older file".utf8).write(to: URL(fileURLWithPath: path + ".old"))
            try await storage.packAll()
            #expect(!FileManager.default.fileExists(atPath: path + ".old"))
        }
    }

    @Test func indexOfTheNewFileIsWrittenWithIt() async throws {
        try await withStorage { storage, tids, path in
            try await storage.packAll()
            let index = try IndexFile.read(IndexFile.path(for: path))
            #expect(index.end == (try storage.statistics().byteCount))
            #expect(index.table.count == 2)
            #expect(index.table[a] != nil)
            #expect(!FileManager.default.fileExists(atPath: path + ".pack.index"))
        }
    }

    @Test func onePackAtATimeAndCancellationChangesNothing() async throws {
        let (arrived, goOn) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        let holds = Atomic(true)
        try await withStorage(step: { step in
            guard step == .created, holds.exchange(false, ordering: .relaxed) else { return }
            arrived.signal()
            goOn.wait()
        }) { storage, tids, path in
            let before = try bytes(of: path)
            let pack = Task { try await storage.packAll() }
            try await eventually("it packs") { FileManager.default.fileExists(atPath: path + ".pack") }
            #expect(await self.code { try await storage.packAll() } == .packing)
            // Others go on meanwhile.
            let tid = try await storage.commit([b: record("meanwhile")])
            pack.cancel()
            goOn.signal()
            await #expect(throws: CancellationError.self) { try await pack.value }
            #expect(try bytes(of: path).starts(with: before))
            #expect(!FileManager.default.fileExists(atPath: path + ".pack"))
            #expect(try storage.load(b, before: .max)?.tid == tid)
            #expect(try storage.load(a, at: tids[0]) == record("one"))
            try await storage.packAll()
            #expect(await self.code { _ = try storage.load(a, at: tids[0]) } == .noSuchObject)
        }
    }

    @Test func closingEndsAPack() async throws {
        let goOn = DispatchSemaphore(value: 0)
        try await withStorage(step: { if $0 == .created { goOn.wait() } }) { storage, tids, path in
            let pack = Task { try await storage.packAll() }
            try await eventually("it packs") { FileManager.default.fileExists(atPath: path + ".pack") }
            let closing = Task { try await storage.close() }
            try await eventually("it closes") { (try? storage.newObjectIDs(0)) == nil }
            goOn.signal()
            await #expect(throws: (any Error).self) { try await pack.value }
            try await closing.value
            #expect(!FileManager.default.fileExists(atPath: path + ".pack"))
            #expect(await self.code { try await storage.packAll() } == .closed)
        }
    }

    @Test func diskFullDuringAPackIsAnErrorAndTheStorageGoesOn() async throws {
        let disks = TestDisks { disk, number in if number == 1 { disk.fill(at: 100) } }
        try await withStorage(disks: disks) { storage, tids, path in
            let before = try bytes(of: path)
            let error = await #expect(throws: StorageError.self) { try await storage.packAll() }
            #expect(error?.code == .writeFailed)
            #expect((error?.underlyingError as? FileError)?.code == ENOSPC)
            #expect(try bytes(of: path) == before)
            #expect(!FileManager.default.fileExists(atPath: path + ".pack"))
            try await storage.commit([a: record("four")])
            try await storage.packAll()
            #expect(try storage.load(a, before: .max)?.data == record("four"))
        }
    }

    @Test func packMakesRoomWhereTheQuotaHasBeenReached() async throws {
        try await withStorage(quota: 1500) { storage, _, _ in
            var number = 0
            let refused = await #expect(throws: StorageError.self) {
                while number < 100 {
                    try await storage.commit([a: record("number \(number)")])
                    number += 1
                }
            }
            #expect(refused?.code == .quotaExceeded)
            try await storage.packAll()
            try await storage.commit([a: record("after the pack")])
        }
    }

    @Test func fileThatHasBeenReplacedIsNotPacked() async throws {
        try await withStorage { storage, _, path in
            try FileManager.default.moveItem(atPath: path, toPath: path + ".moved")
            try Data("something else".utf8).write(to: URL(fileURLWithPath: path))
            #expect(await self.code { try await storage.packAll() } == .corrupted)
            #expect(try bytes(of: path) == Data("something else".utf8))
            try FileManager.default.removeItem(atPath: path)
            try FileManager.default.moveItem(atPath: path + ".moved", toPath: path)
            try await storage.packAll()
            #expect(try storage.statistics().objectCount == 2)
        }
    }

    @Test func dataFileBehindASymbolicLinkIsPackedWhereItIs() async throws {
        try await withTemporaryDirectory { folder in
            try FileManager.default.createDirectory(atPath: folder + "/real", withIntermediateDirectories: true)
            let first = try await FileStorage.open(.init(path: folder + "/real/Data.fs"))
            try await first.commit([root: record("root")])
            try await first.commit([root: record("root again")])
            try await first.close()
            let link = folder + "/Data.fs"
            try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "real/Data.fs")
            let storage = try await FileStorage.open(.init(path: link, packKeepOld: false))
            try await storage.packAll()
            try await storage.close()
            #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == "real/Data.fs")
            let again = try await FileStorage.open(.init(path: folder + "/real/Data.fs", readOnly: true))
            #expect(try await again.recentTransactions(after: .zero, limit: 9).count == 1)
            try await again.close()
        }
    }

    @Test func progressIsToldPhaseByPhase() async throws {
        let told = Mutex<[PackProgress]>([])
        try await withStorage { storage, tids, _ in
            try await storage.pack(PackRequest(before: tids[2]) { progress in told.withLock { $0.append(progress) } })
        }
        let progress = told.withLock { $0 }
        #expect(progress.allSatisfy { $0.completed <= $0.total })
        for phase in [PackProgress.Phase.marking, .copying] {
            #expect(progress.last { $0.phase == phase }.map { $0.completed == $0.total } == true)
        }
    }

    @Test func readOnlyStorageIsNotPacked() async throws {
        try await withStorage { storage, _, path in
            try await storage.close()
            let reader = try await FileStorage.open(.init(path: path, readOnly: true))
            #expect(await self.code { try await reader.packAll() } == .readOnly)
            try await reader.close()
        }
    }
}
