//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import Testing
import ZODBFormat

@testable import ZODBStorage

/// Data files, index files and locks that we share with Python's FileStorage.
@Suite(.timeLimit(.minutes(1))) struct FileStoragePythonTests {
    @Test(arguments: [true, false], [true, false])
    func everyRevisionOfAFileOfPythonIsReadAsPythonReadsIt(withIndex: Bool, readOnly: Bool) async throws {
        try await withTemporaryDirectory { folder in
            let path = folder + "/Data.fs"
            try await runPython("filestorage.py", ["make", path])
            let dump = try await PythonDump(of: path)
            if !withIndex { try FileManager.default.removeItem(atPath: path + ".index") }
            let before = try Data(contentsOf: URL(fileURLWithPath: path))
            let storage = try await FileStorage.open(.init(path: path, readOnly: readOnly))
            try await dump.expectEqual(to: storage)
            try await storage.close()
            #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == before, "reading changes nothing")
        }
    }

    @Test func fileOfPythonGoesOnWithOursAndThenWithPythons() async throws {
        try await withTemporaryDirectory { folder in
            let path = folder + "/Data.fs"
            try await runPython("filestorage.py", ["make", path])
            let storage = try await FileStorage.open(.init(path: path))
            let last = try storage.lastTransaction()
            let root = try #require(try storage.load(.root, before: .max))
            let fresh = try storage.newObjectIDs(2)
            #expect(fresh.allSatisfy { $0 > .numbered(0x16) }, "identifiers go on behind Python's")
            let deleted = ObjectID.numbered(8)
            let tid = try await storage.commit(
                [(.root, root.tid, "a new root"), (fresh[0], .zero, "fresh")],
                user: "/ swift",
                description: "über alles"
            )
            #expect(tid > last)
            // An undone creation is created again, over the transaction that undid it.
            let undoing = try #require(
                try await storage.recentTransactions(after: .zero, limit: .max).last { $0.oids == [deleted] }
            )
            try await storage.commit(deleted, undoing.tid, "back again")
            let refused = TransactionDraft(operations: [.checkCurrent(.numbered(0x15), serial: .zero)])
            let error = await #expect(throws: StorageError.self) { try await storage.vote(refused) }
            #expect(error?.code == .noSuchObject, "what was undone cannot be current")
            try await storage.close()

            #expect(try await runPython("filestorage.py", ["check", path]).contains("clean"))
            #expect(try await runPython("filestorage.py", ["append", path, "3"]).contains("index used"))
            let dump = try await PythonDump(of: path)
            #expect(
                dump.transactions.suffix(5).map(\.user) == ["/ swift", "", "python", "python", "python"].map(\.hex)
            )
            #expect(dump.transactions.suffix(5).first?.description == "über alles".hex)
            let again = try await FileStorage.open(.init(path: path))
            try await dump.expectEqual(to: again)
            try await again.close()
        }
    }

    @Test func fileOfOursIsCleanForPythonsToolsAndEqualInEveryObject() async throws {
        try await withTemporaryDirectory { folder in
            let path = folder + "/Data.fs"
            let storage = try await FileStorage.open(.init(path: path))
            var serials: [ObjectID: TransactionID] = [:]
            for round in 0..<30 {
                let oids = (0...UInt64(round)).filter { Int($0) % (round % 4 + 1) == 0 }.map(ObjectID.numbered)
                let tid = try await storage.commit(
                    oids.map { ($0, serials[$0] ?? .zero, "object \($0) in round \(round)") },
                    user: "user \(round)",
                    description: round == 3 ? "" : "round \(round)"
                )
                for oid in oids { serials[oid] = tid }
            }
            var metadata = TransactionMetadata()
            PickleWriter().write(.dict([.init(.string("key"), .int(7))]), into: &metadata.extensionData)
            let big = ByteBuffer(repeating: 0x61, count: 3_000_000)
            let draft = TransactionDraft(
                metadata: metadata,
                operations: [.store(.numbered(0x1_0000_0005), serial: .zero, data: big)]
            )
            _ = try await storage.finish(try await storage.prepare(draft))
            let far = ObjectID(rawValue: 0xffff_ffff_ffff_0001)
            try await storage.commit(far, .zero, "far away")
            try await storage.close()

            #expect(try await runPython("filestorage.py", ["check", path]).contains("clean"))
            let dump = try await PythonDump(of: path)
            #expect(dump.usedIndex, "Python believes our index")
            #expect(dump.transactions.count == 32)
            #expect(dump.transactions[30].extension == metadata.extensionData.hex)
            let again = try await FileStorage.open(.init(path: path, readOnly: true))
            try await dump.expectEqual(to: again)
            #expect(try again.load(.numbered(0x1_0000_0005), before: .max)?.data == big)
            try await again.close()
        }
    }

    @Test func lockHoldsPythonOffAndPythonsLockHoldsUsOff() async throws {
        try await withTemporaryDirectory { folder in
            let path = folder + "/Data.fs"
            let storage = try await FileStorage.open(.init(path: path))
            #expect(try await runPython("filestorage.py", ["refused", path]).contains("refused"))
            let ours = await #expect(throws: StorageError.self) { try await FileStorage.open(.init(path: path)) }
            #expect(ours?.code == .locked)
            #expect(ours?.message.contains("\(ProcessInfo.processInfo.processIdentifier)") == true)
            try await storage.close()

            let holder = try ChildProcess(TestPaths.python, [TestPaths.interop + "/filestorage.py", "lock", path])
            try await holder.line(containing: "locked")
            let error = await #expect(throws: StorageError.self) { try await FileStorage.open(.init(path: path)) }
            #expect(error?.code == .locked)
            #expect(error?.message.contains("\(holder.pid)") == true)
            let reader = try await FileStorage.open(.init(path: path, readOnly: true))
            try await reader.close()
            holder.signal(SIGKILL)
            try await holder.exitStatus()
            // The file is still there, and says nothing any more.
            let next = try await FileStorage.open(.init(path: path))
            try await next.close()
        }
    }
}

extension String {
    fileprivate var hex: String { ByteBuffer(string: self).hex }
}
