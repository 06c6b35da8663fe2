//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import Testing
import ZODBFormat

@testable import ZODBStorage

/// What an opening believes, cuts off, and refuses.
@Suite(.timeLimit(.minutes(1))) struct FileStorageRecoveryTests {
    private let a = ObjectID.numbered(1)
    private let b = ObjectID.numbered(2)

    /// A data file with three transactions and without an index: its bytes, where its transactions begin, their tids.
    private struct Sample {
        var bytes: [UInt8] = []
        var positions: [Int] = []
        var tids: [TransactionID] = []
        var end: Int { self.bytes.count }
    }

    private func sample() async throws -> Sample {
        try await withTemporaryDirectory { folder in
            var sample = Sample()
            let path = folder + "/Data.fs"
            let storage = try FileStorage(.init(path: path))
            for number in 0..<3 {
                sample.positions.append(try storage.statistics().byteCount)
                let serial = sample.tids.last ?? .zero
                sample.tids.append(
                    try await storage.commit([(a, serial, "a \(number)"), (b, serial, "b \(number)")], user: "user")
                )
            }
            try await storage.close()
            sample.bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
            return sample
        }
    }

    /// Writes a data file and opens it.
    private func withFile(
        _ bytes: [UInt8],
        readOnly: Bool = false,
        _ body: (_ open: () throws -> FileStorage, _ path: String) async throws -> Void
    ) async throws {
        try await withTemporaryDirectory { folder in
            let path = folder + "/Data.fs"
            try Data(bytes).write(to: URL(fileURLWithPath: path))
            try await body({ try FileStorage(.init(path: path, readOnly: readOnly)) }, path)
        }
    }

    private func contents(_ path: String) throws -> [UInt8] {
        try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
    }

    @Test func endTornAtAnyByteIsFound() async throws {
        let sample = try await self.sample()
        for length in Recovery.start...sample.end {
            let window = FileWindow(size: length, windowSize: 64) { position, count in
                ByteBuffer(bytes: sample.bytes[position..<min(position + count, length)])
            }
            var recovery = Recovery(window, path: "Data.fs")
            var visited: [TransactionID] = []
            let outcome = try recovery.scan { visited.append($0.header.tid) }
            let ends = sample.positions[1...] + [sample.end]
            let whole = ends.filter { $0 <= length }.count
            #expect(visited == Array(sample.tids[..<whole]))
            #expect(outcome.last == visited.last ?? .zero)
            #expect(outcome.end == (whole == 0 ? Recovery.start : ends[whole - 1 + ends.startIndex]))
            #expect((outcome.torn == nil) == (outcome.end == length))
        }
    }

    @Test func tornEndIsCutOffAndSaved() async throws {
        let sample = try await self.sample()
        let begin = sample.positions[2]
        for length in Array(stride(from: begin + 1, to: sample.end, by: 19)) + [sample.end - 1] {
            try await self.withFile(Array(sample.bytes[..<length])) { open, path in
                let storage = try open()
                #expect(try storage.lastTransaction() == sample.tids[1])
                #expect(try storage.load(a, before: .max)?.tid == sample.tids[1])
                #expect(try storage.statistics().byteCount == begin)
                let tid = try await storage.commit(a, sample.tids[1], "again")
                #expect(tid > sample.tids[1])
                try await storage.close()
                #expect(try self.contents(path + ".tr0") == Array(sample.bytes[begin..<length]))
                #expect(try self.contents(path)[..<begin] == sample.bytes[..<begin])
            }
        }
    }

    @Test func readOnlyOpeningStopsWhereTheEndIsTornAndChangesNothing() async throws {
        let sample = try await self.sample()
        for length in [sample.positions[2] + 1, sample.positions[2] + 30, sample.end - 1] {
            try await self.withFile(Array(sample.bytes[..<length]), readOnly: true) { open, path in
                let storage = try open()
                #expect(try storage.lastTransaction() == sample.tids[1])
                #expect(try storage.statistics().byteCount == sample.positions[2])
                try await storage.close()
                #expect(try self.contents(path) == Array(sample.bytes[..<length]))
                #expect(try FileManager.default.contentsOfDirectory(atPath: FileSystem.folder(of: path)) == ["Data.fs"])
            }
        }
    }

    @Test func everyCutIsSavedUnderANewName() async throws {
        let sample = try await self.sample()
        try await self.withFile(sample.bytes + [1, 2, 3]) { open, path in
            try await open().close()
            try Data(sample.bytes + [4, 5]).write(to: URL(fileURLWithPath: path))
            try await open().close()
            #expect(try self.contents(path + ".tr0") == [1, 2, 3])
            #expect(try self.contents(path + ".tr1") == [4, 5])
            #expect(try self.contents(path) == sample.bytes)
        }
    }

    @Test func transactionThatWasNotFinishedIsCutOff() async throws {
        let sample = try await self.sample()
        var bytes = sample.bytes
        bytes[sample.positions[2] + 16] = UInt8(ascii: "c")
        try await self.withFile(bytes) { open, path in
            let storage = try open()
            #expect(try storage.lastTransaction() == sample.tids[1])
            try await storage.close()
            #expect(try self.contents(path + ".tr0") == Array(bytes[sample.positions[2]...]))
        }
    }

    @Test func zerosThatAFileSystemLeftAreCutOff() async throws {
        let sample = try await self.sample()
        for count in [1, 22, 23, 4096, 200_000] {
            try await self.withFile(sample.bytes + [UInt8](repeating: 0, count: count)) { open, path in
                let storage = try open()
                #expect(try storage.lastTransaction() == sample.tids[2])
                try await storage.close()
                #expect(try self.contents(path) == sample.bytes)
            }
        }
    }

    @Test func headThatWasNotWrittenOutIsCutOffWithWhatStandsBehindIt() async throws {
        let sample = try await self.sample()
        for count in [23, 4096] {
            let rest = [UInt8](repeating: 0, count: count) + [1, 2, 3]
            try await self.withFile(sample.bytes + rest) { open, path in
                let storage = try open()
                #expect(try storage.lastTransaction() == sample.tids[2])
                try await storage.close()
                #expect(try self.contents(path) == sample.bytes)
                #expect(try self.contents(path + ".tr0") == rest)
            }
        }
    }

    @Test func statusThatWasNotWrittenOutThoughLaterOnesWereIsWritten() async throws {
        let sample = try await self.sample()
        var bytes = sample.bytes
        for position in sample.positions[..<2] { bytes[position + 16] = UInt8(ascii: "c") }
        for length in [sample.end, sample.end + 5] {
            let more = bytes + [UInt8](repeating: 0, count: length - sample.end)
            try await self.withFile(more) { open, path in
                let storage = try open()
                #expect(try await storage.recentTransactions(after: .zero, limit: 9).map(\.tid) == sample.tids)
                #expect(try storage.load(a, before: sample.tids[1])?.tid == sample.tids[0])
                try await storage.close()
                #expect(try self.contents(path) == sample.bytes)
            }
            // For reading only nothing can be mended.
            try await self.withFile(more, readOnly: true) { open, path in
                let error = #expect(throws: StorageError.self) { try open() }
                #expect(error?.code == .corrupted)
            }
        }
    }

    @Test func undoneTransactionIsPassedOver() async throws {
        let sample = try await self.sample()
        var bytes = sample.bytes
        bytes[sample.positions[2] + 16] = UInt8(ascii: "u")
        try await self.withFile(bytes) { open, path in
            let storage = try open()
            #expect(try storage.load(a, before: .max)?.tid == sample.tids[1])
            #expect(try storage.lastTransaction() == sample.tids[2])
            #expect(try await storage.recentTransactions(after: .zero, limit: 9).map(\.tid) == Array(sample.tids[..<2]))
            let next = try await storage.commit(a, sample.tids[1], "next")
            #expect(next > sample.tids[2])
            try await storage.close()
            #expect(try self.contents(path).prefix(bytes.count).elementsEqual(bytes))
        }
    }

    @Test func damageInFrontOfACompleteTransactionIsRefusedWithItsPosition() async throws {
        let sample = try await self.sample()
        let middle = sample.positions[1]
        let record = middle + TransactionHeader.size + 4
        // Where it is, what is written there, and where the damage is said to be.
        let damages: [(at: Int, bytes: [UInt8], position: Int)] = [
            (middle + 16, [UInt8(ascii: "x")], middle),
            (middle, [UInt8](repeating: 0, count: 23), middle),
            (middle + 8, [0, 0, 0, 0, 0, 0, 0xff, 0xff], middle),
            (middle + 8, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], middle),
            (middle + 8, [0, 0, 0, 0, 0, 0, 0, 20], middle),
            (middle + 8, [0, 0, 0, 0, 0, 0, 0, 0], middle),
            (middle, [0, 0, 0, 0, 0, 0, 0, 1], middle),
            (sample.positions[2] - 1, [0], middle),
            (record + 24, [0, 0, 0, 0, 0, 0, 0, 4], record),
            (record + 32, [0, 1], record),
            (record + 34, [0, 0, 0, 0, 0, 0, 0, 200], record),
            (record + 34, [0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], record),
            (record + 16, [0, 0, 0, 0, 0, 0, 0xff, 0], record),
            (record + 8, [1, 2, 3], record),
        ]
        for damage in damages {
            var bytes = sample.bytes
            bytes.replaceSubrange(damage.at..<damage.at + damage.bytes.count, with: damage.bytes)
            try await self.expectCorrupted(bytes, at: damage.position)
        }
    }

    @Test func tornEndDoesNotHideDamageInFrontOfACompleteTransaction() async throws {
        let sample = try await self.sample()
        for (offset, byte) in [(8, UInt8(0xff)), (16, UInt8(ascii: "c"))] {
            var bytes = sample.bytes
            bytes[sample.positions[0] + offset] = byte
            for length in [sample.end, sample.end - 1, sample.positions[2] + 5, sample.positions[2]] where offset == 8 {
                try await self.expectCorrupted(Array(bytes[..<length]), at: sample.positions[0])
            }
            // Without a complete transaction behind it, it is the torn end.
            try await self.withFile(Array(bytes[..<(sample.positions[2] - 1)])) { open, path in
                let storage = try open()
                #expect(try storage.lastTransaction() == .zero)
                try await storage.close()
                #expect(try self.contents(path) == Array("FS30".utf8))
            }
        }
    }

    private func expectCorrupted(_ bytes: [UInt8], at position: Int) async throws {
        for readOnly in [false, true] {
            try await self.withFile(bytes, readOnly: readOnly) { open, path in
                let error = #expect(throws: StorageError.self) { try open() }
                #expect(error?.code == .corrupted)
                #expect(error?.message.contains("position \(position):") == true, "\(error?.message ?? "")")
                let after = try self.contents(path)
                #expect(after == bytes)
                #expect(!FileManager.default.fileExists(atPath: path + ".tr0"))
                #expect(!FileManager.default.fileExists(atPath: path + ".index"))
            }
        }
    }

    @Test func dataFileWithinAnObjectIsNotTakenForTransactionsBehindATornEnd() async throws {
        let sample = try await self.sample()
        try await withTemporaryDirectory { folder in
            let path = folder + "/Data.fs"
            let storage = try FileStorage(.init(path: path))
            let first = try await storage.commit(a, .zero, "one")
            let end = try storage.statistics().byteCount
            let draft = TransactionDraft(operations: [.store(b, serial: .zero, data: ByteBuffer(bytes: sample.bytes))])
            _ = try await storage.finish(try await storage.prepare(draft))
            try await storage.close()
            let torn = try Array(self.contents(path).dropLast(1))
            try await self.withFile(torn) { open, path in
                let again = try open()
                #expect(try again.lastTransaction() == first)
                #expect(try again.statistics().byteCount == end)
                try await again.close()
            }
        }
    }

    @Test func otherFormatsAreRefusedWithASentence() async throws {
        for (beginning, word) in [("FS21", "Python 2"), ("FS2", "FS30"), ("PK\u{3}\u{4}and so on", "FS30")] {
            try await self.withFile(Array(beginning.utf8)) { open, path in
                let error = #expect(throws: StorageError.self) { try open() }
                #expect(error?.code == .unsupportedFormat)
                #expect(error?.message.contains(word) == true)
                let after = try self.contents(path)
                #expect(after == Array(beginning.utf8))
            }
        }
    }

    @Test func emptyFileIsAnEmptyStorage() async throws {
        for readOnly in [true, false] {
            try await self.withFile([], readOnly: readOnly) { open, path in
                let storage = try open()
                #expect(try storage.lastTransaction() == .zero)
                try await storage.close()
                #expect(try self.contents(path) == (readOnly ? [] : Array("FS30".utf8)))
            }
        }
    }
}
