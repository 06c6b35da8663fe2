//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import Testing
import ZODBFormat

@testable import ZODBStorage

/// Histories with undos, deletions and restores, made by us and by Python, compared byte by byte and told by each other.
@Suite(.timeLimit(.minutes(1))) struct FileStorageHistoryPythonTests {
    private static let count = ProcessInfo.processInfo.environment["ZKZEO_HISTORIES"].flatMap { Int($0) } ?? 4

    @Test(arguments: 0..<Self.count)
    func randomHistoriesAreWrittenAsPythonWritesThem(seed: Int) async throws {
        try await withTemporaryDirectory { folder in
            var script = HistoryScript(seed: UInt64(seed))
            let storage = try await FileStorage.open(.init(path: folder + "/ours.fs"))
            for _ in 0..<120 { try await script.step(storage) }
            try await storage.close()
            let steps = try JSONEncoder().encode(script.steps)
            try steps.write(to: URL(fileURLWithPath: folder + "/steps.json"))
            let output = try await runPython("history.py", ["replay", folder + "/theirs.fs", folder + "/steps.json"])
            let line = try #require(output.split(separator: "\n").last { $0.hasPrefix("[") })
            let outcomes = try JSONDecoder().decode([[String]].self, from: Data(line.utf8))
            for (number, (ours, theirs)) in zip(script.outcomes, outcomes).enumerated() {
                #expect(ours == theirs, "step \(number): \(script.steps[number])")
            }
            #expect(script.outcomes.contains(["ok"]) && script.outcomes.contains { $0[0] == "undo" })
            let ours = try Data(contentsOf: URL(fileURLWithPath: folder + "/ours.fs"))
            let theirs = try Data(contentsOf: URL(fileURLWithPath: folder + "/theirs.fs"))
            #expect(ours == theirs, "the files differ")
            try await PythonHistory(of: folder + "/theirs.fs").expectEqual(
                to: try await FileStorage.open(.init(path: folder + "/theirs.fs", readOnly: true))
            )
        }
    }

    @Test func fileOfPythonGoesOnWithOurUndosAndIsCleanForItsTools() async throws {
        try await withTemporaryDirectory { folder in
            let path = folder + "/Data.fs"
            try await runPython("filestorage.py", ["make", path])
            let storage = try await FileStorage.open(.init(path: path))
            let log = try await storage.undoableTransactions(skipping: 0, limit: .max) { _ in true }
            var undone = 0
            for transaction in log {
                do {
                    try await storage.undo(transaction.tid)
                    undone += 1
                } catch let error as StorageError where error.code == .undoFailed {
                    #expect(!error.undoProblems.isEmpty)
                }
            }
            #expect(undone > 5)
            let last = try #require(try await storage.undoableTransactions(skipping: 0, limit: 1) { _ in true }.first)
            try await storage.undo(last.tid)
            try await storage.close()
            #expect(try await runPython("filestorage.py", ["check", path]).contains("clean"))
            let references = try await runPython("history.py", ["refs", path])
            #expect(references.split(separator: "\n") == ["done"])
            let again = try await FileStorage.open(.init(path: path, readOnly: true))
            try await PythonDump(of: path).expectEqual(to: again)
            try await PythonHistory(of: path).expectEqual(to: again)
            try await again.close()
        }
    }

    @Test func restoreWritesTheDataOfWhatAPackHasRemoved() async throws {
        try await withTemporaryDirectory { folder in
            let path = folder + "/Data.fs"
            let a = ObjectID.numbered(1)
            var storage = try await FileStorage.open(.init(path: path))
            let first = try await storage.commit(a, .zero, "one")
            let second = try await storage.commit(a, first, "two")
            try await storage.close()
            try await runPython("history.py", ["pack", path])

            storage = try await FileStorage.open(.init(path: path))
            #expect(try await storage.allTransactions().map(\.transaction.tid) == [second])
            var tid = second
            for (text, source) in [("one", first), ("two", second)] {
                tid = tid.successor
                var draft = TransactionDraft(operations: [
                    .restore(a, serial: tid, data: ByteBuffer(string: text), dataTransaction: source, blob: nil)
                ])
                draft.tid = tid
                _ = try await storage.finish(try await storage.prepare(draft))
                #expect(try await storage.text(a) == text)
            }
            let records = try await storage.allTransactions().flatMap(\.records)
            #expect(records.map(\.dataTransaction) == [nil, nil, second])
            try await storage.close()
            #expect(try await runPython("filestorage.py", ["check", path]).contains("clean"))
        }
    }

    @Test func fileOfPythonIsCopiedAsPythonCopiesIt() async throws {
        try await withTemporaryDirectory { folder in
            let path = folder + "/Data.fs"
            try await runPython("filestorage.py", ["make", path])
            try await runPython("history.py", ["copy", path, folder + "/theirs.fs"])
            let source = try await FileStorage.open(.init(path: path, readOnly: true))
            let copy = try await FileStorage.open(.init(path: folder + "/ours.fs"))
            for (transaction, records) in try await source.allTransactions() {
                var draft = TransactionDraft(metadata: transaction.metadata)
                draft.tid = transaction.tid
                draft.status = transaction.status
                draft.operations = records.map {
                    .restore($0.oid, serial: $0.tid, data: $0.data, dataTransaction: $0.dataTransaction, blob: nil)
                }
                _ = try await copy.finish(try await copy.prepare(draft))
            }
            try await copy.close()
            try await source.close()
            let ours = try Data(contentsOf: URL(fileURLWithPath: folder + "/ours.fs"))
            let theirs = try Data(contentsOf: URL(fileURLWithPath: folder + "/theirs.fs"))
            #expect(ours == theirs, "the files differ")
        }
    }
}
