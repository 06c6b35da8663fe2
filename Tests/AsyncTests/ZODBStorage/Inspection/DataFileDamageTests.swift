//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import ZODBFormat

@testable import ZODBStorage

/// Checking and recovering damaged data files, with Python's fstest and fsrecover beside it.
@Suite(.timeLimit(.minutes(2))) struct DataFileDamageTests {
    private struct Recovered: Decodable {
        var fstest: String?
        var opened: [String]
        var transactions: [String: Transaction]
    }

    /// Status, user, description, and object with a digest of its data for each record.
    private struct Transaction: Decodable, Hashable {
        var facts: [String]
        var records: [[String?]]

        init(from decoder: any Decoder) throws {
            var container = try decoder.unkeyedContainer()
            self.facts = [
                try container.decode(String.self), try container.decode(String.self), try container.decode(String.self),
            ]
            self.records = try container.decode([[String?]].self)
        }
    }

    private struct Verdict: Decodable {
        var fstest: String?
        var recovered: Recovered?
        var python: [String: Transaction]?
    }

    private static func file(_ command: String, _ path: String) async throws -> [UInt8] {
        try await runPython("filestorage.py", [command, path])
        return [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    }

    @Test func everyDamageIsFoundAndWhatIsWholeIsRecoveredAsPythonDoesOrBetter() async throws {
        try await withTemporaryDirectory { directory in
            // Files that were made one after the other: their transactions rise where they are spliced.
            let sound = try await Self.file("make", directory + "/sound")
            let other = try await Self.file("few", directory + "/other")
            let damage = try DataFileDamage(sound, other: other)
            let folder = directory + "/damaged"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
            var summaries: [String: DataFileRecovery.Summary] = [:]
            for (name, bytes) in damage.files + [("sound", sound)] {
                let path = "\(folder)/\(name).fs"
                try Data(bytes).write(to: URL(fileURLWithPath: path))
                let faults = try FoundFaults(checking: path).faults
                #expect(faults.isEmpty == (name == "sound"), "\(name): \(faults)")
                #expect(faults.allSatisfy { ($0.position ?? 0) <= bytes.count })
                summaries[name] = try DataFileRecovery.run(path, into: "\(folder)/\(name).recovered") { _ in }
                #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data(bytes), "\(name) was changed")
                let recheck = try FoundFaults(checking: "\(folder)/\(name).recovered")
                #expect(recheck.faults == [], "recovered from \(name)")
                #expect(try DataFileIndexer.verify("\(folder)/\(name).recovered").isRight, "\(name)")
                #expect(recheck.summary.transactions == summaries[name]?.copiedTransactions)
            }
            let output = try await runPython("fstools.py", ["damaged", folder])
            let line = try #require(output.split(separator: "\n").last { $0.hasPrefix("{") })
            let verdicts = try JSONDecoder().decode([String: Verdict].self, from: Data(line.utf8))
            let original = try #require(verdicts["sound"]?.python)
            #expect(verdicts["sound"]?.fstest == nil)
            #expect(verdicts.count == damage.files.count + 1)
            for (name, verdict) in verdicts.sorted(by: { $0.key < $1.key }) {
                let recovered = try #require(verdict.recovered)
                #expect(recovered.fstest == nil, "\(name): \(recovered.fstest ?? "")")
                // Python believes no index where one of the last transactions wrote an object twice, as this file's does.
                #expect(recovered.opened.filter { $0 != "the index was not used" } == [], "\(name)")
                // Nothing is made up, and whatever Python rescues of the file is rescued.
                for (tid, transaction) in recovered.transactions where !name.hasPrefix("spliced") {
                    // A flipped bit in a length without a second copy moves the border between texts.
                    if name.hasSuffix("-length") || name.contains("-status") { continue }
                    #expect(original[tid] == transaction || name.contains("tid"), "\(name): transaction \(tid)")
                }
                for (tid, transaction) in verdict.python ?? [:] where !transaction.records.isEmpty {
                    guard original[tid] == transaction else { continue }
                    #expect(recovered.transactions[tid] == transaction, "\(name): transaction \(tid) is lost")
                }
            }
            // Where only something stands wrong that stands twice, nothing is lost.
            for name in [
                "format", "first-trailer", "middle-trailer", "middle-record-previous", "middle-record-transaction",
                "middle-record-tid",
                "single-record-tid-high",
                "zeros-behind", "garbage-behind",
            ] {
                #expect(verdicts[name]?.recovered?.transactions == original, "\(name)")
            }
            // What stands behind a missing piece has moved, and is whole all the same.
            for name in ["a-piece-is-missing", "a-transaction-is-missing", "single-tid-high", "first-tid-high"] {
                let count = try #require(verdicts[name]?.recovered?.transactions.count)
                #expect(count >= original.count - 2, "\(name): \(count) of \(original.count)")
            }
        }
    }

    @Test func recordsInFrontOfADamagedOneAreKeptWhenAskedFor() async throws {
        try await withTemporaryDirectory { directory in
            var bytes = try await Self.file("make", directory + "/sound")
            var walk = DataFileWalk(DataFileDamage.window(bytes))
            var place: Int?
            var number = -1
            while place == nil, case .transaction(let transaction)? = try walk.next() {
                number += 1
                if transaction.records.count > 3 { place = transaction.records[2].position }
            }
            // A length beyond the transaction.
            bytes[try #require(place) + 37] ^= 0x40
            let path = directory + "/damaged"
            try Data(bytes).write(to: URL(fileURLWithPath: path))
            let dropping = try DataFileRecovery.run(path, into: directory + "/whole") { _ in }
            let partial = FoundFaults()
            let keeping = try DataFileRecovery.run(path, into: directory + "/partial", keepsPartial: true) {
                partial.take($0)
            }
            #expect(partial.partial == [2])
            #expect(keeping.copiedTransactions == dropping.copiedTransactions + 1)
            try await runPython("filestorage.py", ["check", directory + "/whole"])
            let dump = try await PythonDump(of: directory + "/partial")
            #expect(dump.transactions[number].status == "p")
            #expect(dump.transactions[number].oids.count == 2)
        }
    }

    @Test func theIndexIsComparedWithTheFile() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/Data.fs"
            try await runPython("filestorage.py", ["few", path])
            #expect(try FoundFaults(checking: path).faults == [])
            #expect(try DataFileIndexer.verify(path).isRight)
            var index = try IndexFile.read(IndexFile.path(for: path))
            let oid = try #require(index.table.maximum)
            index.table.set(oid, 100)
            try IndexFile.write(index, to: IndexFile.path(for: path))
            let faults = try FoundFaults(checking: path).faults
            #expect(faults.map(\.kind) == [.index])
            #expect(faults.first?.problem.contains("\(oid)") == true)
            #expect(try !DataFileIndexer.verify(path).isRight)
            let outcome = try DataFileIndexer.build(path, tornEnd: { Issue.record("torn: \($0)") })
            #expect(outcome == .written(objects: index.table.count, end: index.end))
            #expect(try DataFileIndexer.verify(path).isRight)
            #expect(try await PythonDump(of: path).usedIndex)
            // As long as somebody writes the file, its index is theirs.
            let storage = try await FileStorage.open(FileStorageConfiguration(path: path))
            let error = #expect(throws: StorageError.self) { try DataFileIndexer.build(path) { _ in } }
            #expect(error?.code == .locked)
            #expect(try FoundFaults(checking: path).faults == [])
            try await storage.close()
        }
    }
}

extension DataFileIndexer.Outcome {
    fileprivate var isRight: Bool { if case .right = self { true } else { false } }
}
