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

/// Any change that a storage makes to its files may fail: whoever asked for it hears of it, what failed is not there, all
/// else is and can be read, and commits go on as soon as the disk takes them, unless a synchronisation failed.
@Suite(.timeLimit(.minutes(2))) struct DiskErrorTests {
    private static let a = ObjectID.numbered(1)
    private static let b = ObjectID.numbered(2)

    /// What is done to a storage, and what must be there afterwards.
    private struct Script {
        enum Step: CaseIterable {
            case text, blob, longText, undo, index, pack, textAgain, blobAgain, lastText
        }

        /// What a step has committed, for those that commit.
        var text: (tid: TransactionID, text: String)?
        var earlier: String?
        var blob: (tid: TransactionID, text: String)?
        /// The errors of steps.
        var failures: [Step: any Error] = [:]

        mutating func run(_ storage: FileStorage) async throws {
            for step in Step.allCases {
                do {
                    try await self.run(step, storage)
                } catch {
                    self.failures[step] = error
                }
                try await self.check(storage, "after \(step)")
            }
        }

        private mutating func run(_ step: Step, _ storage: FileStorage) async throws {
            switch step {
            case .text, .textAgain, .lastText: try await self.commitText("\(step)", storage)
            case .longText: try await self.commitText(String(repeating: "long ", count: 500), storage)
            case .blob, .blobAgain:
                let text = String(repeating: "\(step) ", count: 300)
                let file = BlobFileWriter(in: storage.traits.blobStagingDirectory!)
                try file.start()
                try file.append(ByteBuffer(string: text))
                file.finish()
                let serial = self.blob?.tid ?? .zero
                let tid = try await Self.commit(
                    .storeBlob(DiskErrorTests.b, serial: serial, data: .blobRecord, blob: file.blob),
                    storage
                )
                self.blob = (tid, text)
            case .undo:
                guard let text, let earlier else { return }
                self.text = (try await Self.commit(.undo(text.tid), storage), earlier)
            case .index: try await storage.indexSaver.saveNow()
            case .pack: try await storage.packAll(collectsGarbage: false)
            }
        }

        private mutating func commitText(_ text: String, _ storage: FileStorage) async throws {
            let serial = self.text?.tid ?? .zero
            let data = record(text)
            let tid = try await Self.commit(.store(DiskErrorTests.a, serial: serial, data: data), storage)
            self.earlier = self.text?.text
            self.text = (tid, text)
        }

        private static func commit(
            _ operation: TransactionDraft.Operation,
            _ storage: FileStorage
        ) async throws -> TransactionID {
            try await storage.finish(try await storage.prepare(TransactionDraft(operations: [operation])))
        }

        /// Compares a storage with what was committed.
        func check(_ storage: FileStorage, _ when: Comment) async throws {
            let last = max(self.text?.tid ?? .zero, self.blob?.tid ?? .zero)
            #expect(try storage.lastTransaction() == last, when)
            let revision = try storage.loadIfAny(DiskErrorTests.a)
            #expect(revision?.tid == self.text?.tid, when)
            #expect(revision?.data == self.text.map { record($0.text) }, when)
            #expect(try storage.loadIfAny(DiskErrorTests.b)?.tid == self.blob?.tid, when)
            guard let blob else { return }
            let file = try await storage.blob(of: DiskErrorTests.b, at: blob.tid)
            #expect(try Data(contentsOf: URL(fileURLWithPath: file)) == Data(blob.text.utf8), when)
        }
    }

    private func open(_ folder: String) async throws -> FileStorage {
        try await FileStorage.open(.init(path: folder + "/Data.fs", blobDirectory: folder + "/blobs"))
    }

    /// Runs the script on a disk, and then looks at what it has left with all well again.
    private func run(on disk: FaultyDisk, _ check: (Script) throws -> Void) async throws {
        try await withTemporaryDirectory { folder in
            var script = Script()
            try await SimulatedDisks.with(disk, behind: folder) {
                guard let storage = try? await self.open(folder) else {
                    #expect(!disk.failed.isEmpty)
                    return
                }
                try await script.run(storage)
                try await storage.close()
            }
            let comment: Comment = "\(disk.failed.first.map { "\($0)" } ?? "nothing") failed"
            for error in script.failures.values where !(error is FileError) {
                #expect((error as? StorageError)?.code == .writeFailed, comment)
            }
            try check(script)
            try await SimulatedDisks.with(FaultyDisk(), behind: folder) {
                let again = try await self.open(folder)
                try await script.check(again, comment)
                script.failures = [:]
                try await script.run(again)
                #expect(script.failures.isEmpty, comment)
                try await again.close()
            }
        }
    }

    @Test(arguments: [Int.max, 100]) func eachChangeFailsOnce(longestWrite: Int) async throws {
        let whole = FaultyDisk(longestWrite: longestWrite)
        try await self.run(on: whole) { script in #expect(script.failures.isEmpty) }
        #expect(whole.count > 80)
        for number in 0..<whole.count {
            let code = [EIO, ENOSPC, EDQUOT][number % 3]
            let disk = FaultyDisk(longestWrite: longestWrite) { count, _ in count == number ? code : nil }
            try await self.run(on: disk) { script in
                guard let failed = disk.failed.first else { return }
                let commits = script.failures.filter { $0.key != .index && $0.key != .pack }
                // One error fails one commit, and all that follow only where nobody knows any more what is on the disk.
                if commits.count > 1 { #expect(failed.isSynchronization, "\(failed) failed \(commits)") }
            }
        }
    }

    @Test func fullDiskRefusesUntilThereIsRoomAgain() async throws {
        print("full disk: ZKZEO_SEED=\(TestSeed.value)")
        var random = SeededGenerator(seed: TestSeed.value)
        let whole = FaultyDisk(longestWrite: 600)
        try await self.run(on: whole) { script in #expect(script.failures.isEmpty) }
        for _ in 0..<40 {
            let begin = Int.random(in: 0..<whole.count, using: &random)
            let period = begin..<begin + Int.random(in: 1..<60, using: &random)
            let code = [ENOSPC, EDQUOT].randomElement(using: &random)!
            let disk = FaultyDisk(longestWrite: 600) { count, change in
                period.contains(count) && change.takesRoom ? code : nil
            }
            try await self.run(on: disk) { script in
                guard disk.count > period.upperBound + 12 else { return }
                #expect(script.failures[.lastText] == nil, "there is room again")
            }
        }
    }

    @Test func failedSynchronizationEndsWritingUntilTheStorageIsOpenedAgain() async throws {
        try await withTemporaryDirectory { folder in
            let isBroken = Atomic(false)
            let disk = FaultyDisk { _, change in
                if case .synchronize = change, isBroken.load(ordering: .relaxed) { EIO } else { nil }
            }
            var script = Script()
            try await SimulatedDisks.with(disk, behind: folder) {
                let storage = try await self.open(folder)
                try await script.run(storage)
                isBroken.store(true, ordering: .relaxed)
                await #expect(throws: StorageError.self) { try await storage.commit([Self.a: record("lost")]) }
                isBroken.store(false, ordering: .relaxed)
                let error = await #expect(throws: StorageError.self) {
                    try await storage.commit([Self.a: record("refused")])
                }
                #expect(error?.message.contains("until it is opened again") == true)
                try await script.check(storage, "after the failure")
                try await storage.close()
            }
            let again = try await self.open(folder)
            try await script.run(again)
            #expect(script.failures.isEmpty)
            try await again.close()
        }
    }
}

extension FileStorage {
    /// The current revision of an object; `nil` when there is no such object.
    func loadIfAny(_ oid: ObjectID) throws -> ObjectRevision? {
        do {
            return try self.load(oid, before: .max)
        } catch let error as StorageError where error.code == .noSuchObject {
            return nil
        }
    }
}
