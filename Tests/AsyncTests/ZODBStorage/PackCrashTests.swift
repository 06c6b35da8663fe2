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

/// A process or a machine may stop at any instant of a pack, and any of its steps may fail.
@Suite(.timeLimit(.minutes(2))) struct PackCrashTests {
    private static let objects = (1...5).map { ObjectID.numbered($0) }

    /// Commits from within a pack, which waits for it.
    private final class Bystander: Sendable {
        private let storage = Mutex<FileStorage?>(nil)
        private let last = Mutex(TransactionID.zero)

        var tid: TransactionID { self.last.withLock { $0 } }

        func join(_ storage: FileStorage?) { self.storage.withLock { $0 = storage } }

        func commit(_ text: String) {
            let storage = self.storage.withLock { $0 }!
            let finished = DispatchSemaphore(value: 0)
            Task {
                let tid = try? await storage.commit([PackCrashTests.objects[0]: record(text)])
                self.last.withLock { $0 = tid ?? $0 }
                finished.signal()
            }
            finished.wait()
        }
    }

    private func fill(_ storage: FileStorage) async throws {
        try await storage.commit(
            [.root: record("root", Self.objects)].merging(
                Self.objects.map { ($0, record("zero")) },
                uniquingKeysWith: { $1 }
            )
        )
        for round in 0..<4 {
            for oid in Self.objects { try await storage.commit([oid: record("round \(round) of \(oid)")]) }
        }
    }

    @Test(arguments: [true, false]) func everyInstantLeavesAFileThatHasEverything(keepsOld: Bool) async throws {
        try await withTemporaryDirectory { folder in
            try FileManager.default.createDirectory(atPath: folder + "/live", withIntermediateDirectories: true)
            let path = folder + "/live/Data.fs"
            let bystander = Bystander()
            let seen = Mutex<[(step: PackFiles.Step, copy: String, last: TransactionID)]>([])
            let storage = try FileStorage(
                .init(path: path, packKeepOld: keepsOld),
                packStep: { step in
                    // Whatever is committed meanwhile has to be there, too.
                    if [.created, .copied, .synchronized, .indexWritten].contains(step) {
                        bystander.commit("while \(step)")
                    }
                    let copy = "\(folder)/\(step)"
                    try? FileManager.default.removeItem(atPath: copy)
                    try FileManager.default.copyItem(atPath: folder + "/live", toPath: copy)
                    seen.withLock { $0.append((step, copy, bystander.tid)) }
                }
            )
            try await self.fill(storage)
            // An index of the old file lies beside it.
            try await storage.indexSaver.saveNow()
            bystander.join(storage)
            let filled = try storage.lastTransaction()
            try await storage.packAll()
            bystander.join(nil)
            var expected: [ObjectID: ByteBuffer] = [:]
            for oid in [.root] + Self.objects { expected[oid] = try storage.load(oid, before: .max)?.data }
            let packedSize = try storage.statistics().byteCount
            try await storage.close()
            #expect(seen.withLock { $0.map(\.step) } == PackFiles.Step.allCases)

            var paths: [String] = []
            for (step, copy, last) in seen.withLock({ $0 }) {
                let copyPath = copy + "/Data.fs"
                let again = try await FileStorage.open(.init(path: copyPath, packKeepOld: keepsOld))
                #expect(try again.lastTransaction() == max(last, filled), "\(step)")
                for oid in [.root] + Self.objects.dropFirst() {
                    #expect(try again.load(oid, before: .max)?.data == expected[oid], "\(step)")
                }
                let isSwapped = [.swapped, .folderSynchronized, .indexInPlace].contains(step)
                #expect((try again.statistics().byteCount == packedSize) == isSwapped, "\(step)")
                for rest in ["", ".index", ".index.index_tmp"] {
                    #expect(!FileManager.default.fileExists(atPath: copyPath + ".pack" + rest), "\(step)")
                }
                try await again.commit([Self.objects[0]: record("after the crash")])
                try await again.packAll()
                #expect(try again.load(Self.objects[0], before: .max)?.data == record("after the crash"))
                try await again.close()
                paths.append(copyPath)
            }
            #expect(try await runPython("packing.py", ["check"] + paths).contains("clean"))
        }
    }

    private struct StepFailed: Error {}

    @Test(arguments: PackFiles.Step.allCases) func failedStepLosesNothing(step: PackFiles.Step) async throws {
        try await withTemporaryDirectory { folder in
            let path = folder + "/Data.fs"
            let fails = Atomic(true)
            let storage = try FileStorage(
                .init(path: path),
                packStep: { now in
                    if now == step, fails.exchange(false, ordering: .relaxed) { throw StepFailed() }
                }
            )
            try await self.fill(storage)
            let last = try storage.lastTransaction()
            var isWritable = true
            switch step {
            case .indexInPlace:
                try await storage.packAll()
            case .swapped, .folderSynchronized:
                let error = await #expect(throws: StorageError.self) { try await storage.packAll() }
                #expect(error?.code == .writeFailed)
                isWritable = false
            default:
                await #expect(throws: StepFailed.self) { try await storage.packAll() }
            }
            #expect(!FileManager.default.fileExists(atPath: path + ".pack"))
            for oid in Self.objects {
                #expect(try storage.load(oid, before: .max)?.data == record("round 3 of \(oid)"))
            }
            if isWritable {
                try await storage.commit([Self.objects[0]: record("afterwards")])
                try await storage.packAll()
            } else {
                let error = await #expect(throws: StorageError.self) { try await storage.commit([.root: record("no")]) }
                #expect(error?.code == .writeFailed)
            }
            try await storage.close()
            let again = try await FileStorage.open(.init(path: path))
            if isWritable {
                #expect(try again.load(Self.objects[0], before: .max)?.data == record("afterwards"))
            } else {
                #expect(try again.lastTransaction() == last)
            }
            #expect(try again.load(Self.objects[1], before: .max)?.data == record("round 3 of \(Self.objects[1])"))
            #expect(try again.load(.root, before: .max)?.data == record("root", Self.objects))
            try await again.close()
            #expect(try await runPython("packing.py", ["check", path]).contains("clean"))
        }
    }

    @Test func packOfPythonThatWasInterruptedIsNotTakenForAnEmptyDatabase() async throws {
        try await withTemporaryDirectory { folder in
            let path = folder + "/Data.fs"
            let storage = try await FileStorage.open(.init(path: path))
            try await self.fill(storage)
            try await storage.close()
            try FileManager.default.copyItem(atPath: path, toPath: path + ".pack")
            try FileManager.default.moveItem(atPath: path, toPath: path + ".old")
            let error = await #expect(throws: StorageError.self) { try await FileStorage.open(.init(path: path)) }
            #expect(error?.code == .corrupted)
            #expect(error?.message.contains("Data.fs.old") == true)
            #expect(!FileManager.default.fileExists(atPath: path))
        }
    }
}
