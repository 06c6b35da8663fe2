//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing
import ZODBFormat

@testable import ZODBStorage

/// History and undo while packs put other files in the data file's place.
@Suite(.timeLimit(.minutes(1))) struct FileStorageHistoryPackTests {
    private let a = ObjectID.numbered(1)

    @Test func walkGoesOnInTheFileThatItBeganIn() async throws {
        try await withTemporaryDirectory { folder in
            let storage = try await FileStorage.open(.init(path: folder + "/Data.fs"))
            var tids: [TransactionID] = [try await storage.commit(a, .zero, "0")]
            for number in 1..<10 { tids.append(try await storage.commit(a, tids[number - 1], "\(number)")) }
            let walk = try await storage.transactions(from: tids[2], through: .max)
            let first = try #require(try await walk.next())
            try await storage.pack(.init(before: tids[8].successor, collectsGarbage: false))
            try await storage.commit(a, tids[9], "after the pack")
            #expect(try await first.records().next()?.data == ByteBuffer(string: "2"))
            let rest = try await walk.all()
            #expect(rest.map(\.transaction.tid) == Array(tids[3...]))
            #expect(rest.map { $0.records.first?.data } == (3..<10).map { ByteBuffer(string: "\($0)") })
            #expect(try await storage.allTransactions().map(\.transaction.tid).prefix(2) == [tids[8], tids[9]])
            #expect(try await storage.undoableTransactions(skipping: 0, limit: 9) { _ in true }.count == 2)
            let error = await #expect(throws: StorageError.self) { try await storage.undo(tids[8]) }
            #expect(error?.message == "non-undoable transaction")
            let gone = await #expect(throws: StorageError.self) { try await storage.undo(tids[7]) }
            #expect(gone?.message == "Invalid transaction id")
            try await storage.close()
        }
    }

    @Test func undosBesidePacksLoseNothing() async throws {
        try await withTemporaryDirectory { folder in
            let storage = try await FileStorage.open(.init(path: folder + "/Data.fs"))
            try await withThrowingTaskGroup(of: Void.self) { group in
                for worker in 1...4 {
                    let oid = ObjectID.numbered(UInt64(worker))
                    group.addTask {
                        var serial = TransactionID.zero
                        var text = ""
                        for round in 0..<40 {
                            let last = text
                            text = "\(worker) \(round)"
                            serial = try await storage.commit(oid, serial, text)
                            if round > 0, !round.isMultiple(of: 3) {
                                do {
                                    serial = try await storage.undo(serial).tid
                                    text = last
                                } catch let error as StorageError where error.code == .undoFailed {
                                    // A pack was quicker, and has left nothing to go back to.
                                    #expect(error.undoProblems.isEmpty)
                                }
                            }
                            #expect(try await storage.text(oid) == text)
                        }
                    }
                }
                group.addTask {
                    for _ in 0..<6 {
                        let last = try storage.lastTransaction()
                        try await storage.pack(.init(before: last, collectsGarbage: false))
                        try await Task.sleep(for: .milliseconds(5))
                    }
                }
                try await group.waitForAll()
            }
            try await storage.close()
        }
    }
}
