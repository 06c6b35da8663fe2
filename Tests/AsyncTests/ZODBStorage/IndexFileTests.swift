//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import Testing
import ZODBFormat

@testable import ZODBStorage

/// Index files: when they are believed, and that nothing depends on it.
@Suite(.timeLimit(.minutes(1))) struct IndexFileTests {
    private func indexedEnd(_ path: String, readOnly: Bool = true) throws -> Int? {
        try OpenedFile(.init(path: path, readOnly: readOnly)).indexedEnd
    }

    /// Makes a data file with an index, `count` transactions and two objects in each.
    private func fill(_ path: String, count: Int = 6) async throws -> [TransactionID] {
        let storage = try FileStorage(.init(path: path))
        var tids: [TransactionID] = []
        for number in 0..<count {
            let first = number == 0 ? TransactionID.zero : tids[number - 1]
            let stores = [(ObjectID.numbered(1), first, "\(number)"), (.numbered(UInt64(number + 2)), .zero, "new")]
            tids.append(try await storage.commit(stores))
        }
        try await storage.close()
        return tids
    }

    @Test func indexIsWrittenAtCloseAndBelievedAtTheNextOpening() async throws {
        try await withTemporaryDirectory { folder in
            let path = folder + "/Data.fs"
            _ = try await self.fill(path)
            let size = try Data(contentsOf: URL(fileURLWithPath: path)).count
            #expect(try self.indexedEnd(path) == size)
            #expect(!FileManager.default.fileExists(atPath: path + ".index.index_tmp"))
        }
    }

    @Test func pythonsIndexIsBelievedAndOursByPython() async throws {
        try await withTemporaryDirectory { folder in
            let path = folder + "/Data.fs"
            try await runPython("filestorage.py", ["few", path])
            let size = try Data(contentsOf: URL(fileURLWithPath: path)).count
            #expect(try self.indexedEnd(path) == size)
            let pythons = try IndexFile.read(IndexFile.path(for: path))

            try FileManager.default.removeItem(atPath: path + ".index")
            let storage = try await FileStorage.open(.init(path: path))
            try await storage.close()
            let ours = try IndexFile.read(IndexFile.path(for: path))
            #expect(ours.end == pythons.end)
            #expect(ours.table.count == pythons.table.count)
            for number in 0..<UInt64(pythons.table.count) {
                #expect(ours.table[.numbered(number)] == pythons.table[.numbered(number)])
            }
            #expect(try await runPython("filestorage.py", ["append", path, "2"]).contains("index used"))
            let dump = try await PythonDump(of: path)
            let again = try await FileStorage.open(.init(path: path))
            try await dump.expectEqual(to: again)
            try await again.close()
        }
    }

    @Test func staleIndexIsCaughtUpFromTheFile() async throws {
        try await withTemporaryDirectory { folder in
            let path = folder + "/Data.fs"
            let index = URL(fileURLWithPath: path + ".index")
            let tids = try await self.fill(path)
            let stale = try Data(contentsOf: index)
            let end = try self.indexedEnd(path)
            let storage = try FileStorage(.init(path: path))
            let last = try await storage.commit([(.numbered(1), tids[5], "later"), (.numbered(50), .zero, "new")])
            try await storage.close()
            try stale.write(to: index)
            #expect(try self.indexedEnd(path) == end)
            let again = try FileStorage(.init(path: path, readOnly: true))
            #expect(try again.load(.numbered(1), before: .max)?.tid == last)
            #expect(try again.load(.numbered(50), before: .max)?.tid == last)
            #expect(try again.lastTransaction() == last)
            #expect(try again.statistics().objectCount == 8)
            try await again.close()
        }
    }

    @Test func indexBesideAnOlderFileIsNoticed() async throws {
        try await withTemporaryDirectory { folder in
            let path = folder + "/Data.fs"
            let file = URL(fileURLWithPath: path)
            let tids = try await self.fill(path)
            let older = try Data(contentsOf: file)
            let storage = try FileStorage(.init(path: path))
            var last = tids[5]
            for number in 0..<10 { last = try await storage.commit(.numbered(1), last, "later \(number)") }
            try await storage.close()
            try older.write(to: file)
            #expect(try self.indexedEnd(path) == nil, "the index goes further than the file")

            // An older file that has grown since, differently, to a greater length.
            let other = try FileStorage(.init(path: path))
            try await other.commit(.numbered(1), tids[5], String(repeating: "x", count: 5000))
            try await other.close()
            let grown = try Data(contentsOf: file)
            let index = try Data(contentsOf: URL(fileURLWithPath: path + ".index"))
            try await withTemporaryDirectory { second in
                let swapped = second + "/Data.fs"
                _ = try await self.fill(swapped, count: 9)
                try grown.write(to: URL(fileURLWithPath: swapped))
                #expect(try self.indexedEnd(swapped) == nil, "the index is of another file")
                try index.write(to: URL(fileURLWithPath: swapped + ".index"))
                #expect(try self.indexedEnd(swapped) == grown.count)
                let again = try FileStorage(.init(path: swapped, readOnly: true))
                #expect(try again.load(.numbered(1), before: .max)?.data.readableBytes == 5000)
                try await again.close()
            }
        }
    }

    @Test func damagedIndexIsBuiltAgain() async throws {
        try await withTemporaryDirectory { folder in
            let path = folder + "/Data.fs"
            let index = URL(fileURLWithPath: path + ".index")
            let tids = try await self.fill(path)
            let good = try [UInt8](Data(contentsOf: index))
            var damages: [[UInt8]] = [
                [], Array("no pickle at all".utf8), Array(good.dropLast(2)), Array(good.prefix(9)),
            ]
            for place in stride(from: 0, to: good.count, by: 3) {
                var damaged = good
                damaged[place] ^= 0x15
                damages.append(damaged)
            }
            for damage in damages {
                try Data(damage).write(to: index)
                let storage = try FileStorage(.init(path: path, readOnly: true))
                #expect(try storage.lastTransaction() == tids[5])
                #expect(try storage.load(.numbered(1), before: .max)?.tid == tids[5])
                #expect(try storage.load(.numbered(7), before: .max)?.tid == tids[5])
                try await storage.close()
            }
            try Data(good.dropLast(2)).write(to: index)
            let storage = try FileStorage(.init(path: path))
            try await storage.close()
            #expect(try [UInt8](Data(contentsOf: index)) == good)
        }
    }

    @Test func indexThatContradictsTheLastTransactionIsNotBelieved() async throws {
        try await withTemporaryDirectory { folder in
            let path = folder + "/Data.fs"
            _ = try await self.fill(path)
            var contents = try IndexFile.read(path + ".index")
            let right = try #require(contents.table[.numbered(7)])
            contents.table.set(.numbered(7), right - 1)
            try IndexFile.write(contents, to: path + ".index")
            #expect(try self.indexedEnd(path) == nil)
            contents.table.set(.numbered(7), right)
            try IndexFile.write(contents, to: path + ".index")
            #expect(try self.indexedEnd(path) == contents.end)
            contents.end -= 8
            try IndexFile.write(contents, to: path + ".index")
            #expect(try self.indexedEnd(path) == nil)
        }
    }

    @Test func tableFindsWhatWasSetInAnyOrder() throws {
        var generator = SeededGenerator(seed: TestSeed.value)
        var table = ObjectIndexTable()
        var expected: [ObjectID: Int] = [:]
        for _ in 0..<5000 {
            let oid = ObjectID(rawValue: UInt64.random(in: 0..<3, using: &generator) << 16 | .random(in: 0..<4000))
            let position = Int.random(in: 4..<1 << 48, using: &generator)
            table.set(oid, position)
            expected[oid] = position
        }
        #expect(table.count == expected.count)
        #expect(table.maximum == expected.keys.max())
        #expect(expected.allSatisfy { table[$0.key] == $0.value })
        #expect(table[.numbered(5 << 16)] == nil)
        let snapshot = table
        let first = try #require(expected.first)
        table.set(first.key, 77)
        #expect(snapshot[first.key] == first.value)
        #expect(table[first.key] == 77)
        #expect(ObjectIndexTable().maximum == nil)
    }

    @Test func indexFileKeepsEveryBucketOfALargeTable() async throws {
        try await withTemporaryDirectory { folder in
            var table = ObjectIndexTable()
            for number in 0..<200_000 as Range<UInt64> { table.set(.numbered(number * 3), Int(number) * 50 + 4) }
            table.set(ObjectID(rawValue: .max), 1 << 47)
            try IndexFile.write(.init(table: table, end: 1 << 48), to: folder + "/index")
            let read = try IndexFile.read(folder + "/index")
            #expect(read.end == 1 << 48)
            #expect(read.table.count == 200_001)
            #expect((0..<200_000).allSatisfy { read.table[.numbered($0 * 3)] == Int($0) * 50 + 4 })
            #expect(read.table[ObjectID(rawValue: .max)] == 1 << 47)
        }
    }
}
