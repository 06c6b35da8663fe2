//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing
import ZODBFormat

@testable import ZODBStorage

/// What a storage tells of its past, shown on each that keeps one.
@Suite(.timeLimit(.minutes(1))) struct StorageHistoryTests {
    private let a = ObjectID.numbered(1)
    private let b = ObjectID.numbered(2)

    @Test(arguments: StorageKind.allCases)
    func historyOfAnObjectIsToldNewestFirst(_ kind: StorageKind) async throws {
        try await kind.withStorage { storage in
            let missing = await #expect(throws: StorageError.self) { try await storage.history(of: a, limit: 1) }
            #expect(missing?.code == .noSuchObject)
            let first = try await storage.commit([(a, .zero, "one")], user: "anna", description: "begins")
            let second = try await storage.commit([(a, first, "two!"), (b, .zero, "other")], user: "bert")
            let third = try await storage.commit([(a, second, "three")])
            let history = try await storage.history(of: a, limit: 10)
            #expect(history.map(\.tid) == [third, second, first])
            #expect(history.map(\.size) == [5, 4, 3])
            #expect(history.map { String(buffer: $0.metadata.user) } == ["", "bert", "anna"])
            #expect(String(buffer: history[2].metadata.description) == "begins")
            #expect(try await storage.history(of: a, limit: 2).map(\.tid) == [third, second])
            #expect(try await storage.history(of: b, limit: 1).map(\.tid) == [second])
        }
    }

    @Test(arguments: StorageKind.allCases)
    func listsEndWhereTransactionsHaveSaidEnoughAboutThemselves(_ kind: StorageKind) async throws {
        try await kind.withStorage { storage in
            var tids: [TransactionID] = []
            for number in 0..<5 {
                let serial = tids.last ?? .zero
                tids.append(try await storage.commit([(a, serial, "\(number)")], user: "1234", description: "123456"))
            }
            for (limit, count) in [(1, 1), (10, 1), (11, 2), (30, 3), (50, 5), (.max, 5)] {
                let history = try await storage.history(of: a, limit: 10, metadataLimit: limit)
                #expect(history.map(\.tid) == Array(tids.reversed().prefix(count)))
                guard storage.traits.supportsUndo else { continue }
                let log = try await storage.undoableTransactions(skipping: 0, limit: 10, metadataLimit: limit) { _ in
                    true
                }
                #expect(log.map(\.tid) == Array(tids.reversed().prefix(count)))
                let rest = try await storage.undoableTransactions(skipping: 3, limit: 10, metadataLimit: limit) { _ in
                    true
                }
                #expect(rest.map(\.tid) == Array([tids[1], tids[0]].prefix(count)))
            }
        }
    }

    @Test(arguments: StorageKind.allCases)
    func walkMeetsEveryTransactionInARangeWithItsRecords(_ kind: StorageKind) async throws {
        try await kind.withStorage { storage in
            #expect(try await storage.allTransactions().isEmpty)
            var tids: [TransactionID] = []
            for number in 0..<20 {
                let stores = (0...number % 3).map {
                    (ObjectID.numbered(UInt64(1 + 3 * number + $0)), TransactionID.zero, "\(number)")
                }
                tids.append(try await storage.commit(stores, user: "user \(number)"))
            }
            let all = try await storage.allTransactions()
            #expect(all.map(\.transaction.tid) == tids)
            #expect(all.allSatisfy { $0.transaction.status == .committed })
            for (number, (transaction, records)) in all.enumerated() {
                #expect(String(buffer: transaction.metadata.user) == "user \(number)")
                #expect(records.map(\.oid) == (0...number % 3).map { .numbered(UInt64(1 + 3 * number + $0)) })
                #expect(records.allSatisfy { $0.tid == tids[number] && $0.dataTransaction == nil })
                #expect(records.allSatisfy { $0.data == ByteBuffer(string: "\(number)") })
            }
            // Every beginning is found, whichever end of the file is nearer, also between two transactions.
            for number in 0..<20 {
                for first in [tids[number], TransactionID(rawValue: tids[number].rawValue - 1)] {
                    let found = try await storage.allTransactions(from: first).map(\.transaction.tid)
                    #expect(found == Array(tids[number...]))
                }
                let before = try await storage.allTransactions(through: tids[number]).map(\.transaction.tid)
                #expect(before == Array(tids[...number]))
            }
            #expect(try await storage.allTransactions(from: tids[3], through: tids[3]).count == 1)
            #expect(try await storage.allTransactions(from: tids[19].successor).isEmpty)
            #expect(try await storage.allTransactions(from: tids[4], through: tids[3]).isEmpty)
        }
    }

    @Test(arguments: StorageKind.allCases)
    func walkSeesWhatWasVisibleWhenItBegan(_ kind: StorageKind) async throws {
        try await kind.withStorage { storage in
            let first = try await storage.commit(a, .zero, "one")
            let walk = try await storage.transactions(from: .zero, through: .max)
            try await storage.commit(a, first, "two")
            #expect(try await walk.all().map(\.transaction.tid) == [first])
            #expect(try await walk.next() == nil)
        }
    }

    @Test(arguments: StorageKind.allCases)
    func recordsOfATransactionCanBeReadAgain(_ kind: StorageKind) async throws {
        try await kind.withStorage { storage in
            try await storage.commit([(a, .zero, "one"), (b, .zero, "two")])
            let transaction = try #require(try await storage.transactions(from: .zero, through: .max).next())
            for _ in 0..<2 {
                let cursor = try await transaction.records()
                #expect(try await cursor.next()?.oid == a)
                #expect(try await cursor.next()?.oid == b)
                #expect(try await cursor.next() == nil)
                #expect(try await cursor.next() == nil)
            }
        }
    }

    @Test func undoableTransactionsAreToldNewestFirstAsManyAsWanted() async throws {
        try await StorageKind.file.withStorage { storage in
            var tids: [TransactionID] = []
            for number in 0..<250 {
                tids.append(
                    try await storage.commit([(.numbered(UInt64(number)), .zero, "x")], description: "\(number % 10)")
                )
            }
            let log = try await storage.undoableTransactions(skipping: 0, limit: .max) { _ in true }
            #expect(log.map(\.tid) == tids.reversed())
            #expect(log.allSatisfy { $0.size == 23 + 1 + 42 + 1 })
            let some = try await storage.undoableTransactions(skipping: 3, limit: 2) { _ in true }
            #expect(some.map(\.tid) == [tids[246], tids[245]])
            let sevens = try await storage.undoableTransactions(skipping: 1, limit: 3) {
                $0.metadata.description == ByteBuffer(string: "7")
            }
            #expect(sevens.map(\.tid) == [tids[237], tids[227], tids[217]])
            #expect(try await storage.undoableTransactions(skipping: 250, limit: 9) { _ in true }.isEmpty)
            #expect(try await storage.undoableTransactions(skipping: 0, limit: 0) { _ in true }.isEmpty)
        }
    }

    @Test func currentRecordsAreMetInTheOrderOfTheirObjects() async throws {
        try await StorageKind.file.withStorage { storage in
            #expect(try await storage.currentRecord(atOrAfter: .root) == nil)
            let numbers: [UInt64] = [7, 0, 3, 0x1_0005, 0x1_0000_0001, 0xffff_ffff_ffff_ffff, 0x2_0000, 0x1_ffff]
            let tid = try await storage.commit(numbers.map { (.numbered($0), .zero, "\($0)") })
            let records = try await storage.allCurrentRecords()
            #expect(records.map(\.oid.rawValue) == numbers.sorted())
            #expect(records.map { String(buffer: $0.data) } == numbers.sorted().map { "\($0)" })
            #expect(records.allSatisfy { $0.tid == tid })
            #expect(records.last?.next == nil)
            #expect(try await storage.currentRecord(atOrAfter: .numbered(4))?.oid == .numbered(7))
            // Objects that come while somebody walks take their place.
            try await storage.commit([(.numbered(0x5_0000_0000), .zero, "late"), (.numbered(5), .zero, "five")])
            #expect(try await storage.currentRecord(atOrAfter: .numbered(4))?.oid == .numbered(5))
            #expect(
                try await storage.currentRecord(atOrAfter: .numbered(0x1_0000_0002))?.oid == .numbered(0x5_0000_0000)
            )
        }
    }

    @Test func historyTellsNothingThatIsNotDurable() async throws {
        try await withTestDisk { storage, disk, _ in
            let first = try await storage.commit(a, .zero, "one")
            disk.hold()
            let second = Task { try await storage.commit([(a, first, "two"), (b, .zero, "new")]) }
            try await eventually("the disk works") { disk.isHoldingSynchronization }
            #expect(try await storage.history(of: a, limit: 9).map(\.tid) == [first])
            #expect(try await storage.allTransactions().map(\.transaction.tid) == [first])
            #expect(try await storage.undoableTransactions(skipping: 0, limit: 9) { _ in true }.map(\.tid) == [first])
            #expect(try await storage.allCurrentRecords().map(\.tid) == [first])
            await #expect(throws: StorageError.self) { try await storage.history(of: b, limit: 9) }
            disk.release()
            let tid = try await second.value
            #expect(try await storage.history(of: a, limit: 9).map(\.tid) == [tid, first])
            #expect(try await storage.allCurrentRecords().map(\.oid) == [a, b])
        }
    }

    @Test(arguments: [true, false])
    func historyInAFileOfPythonIsToldAsPythonTellsIt(withIndex: Bool) async throws {
        try await withTemporaryDirectory { folder in
            let path = folder + "/Data.fs"
            try await runPython("filestorage.py", ["make", path])
            let told = try await PythonHistory(of: path)
            if !withIndex { try FileSystem.remove(path + ".index") }
            let storage = try await FileStorage.open(.init(path: path, readOnly: true))
            try await told.expectEqual(to: storage)
            #expect(told.transactions.contains { $0.status == "p" })
            #expect(told.transactions.contains { $0.records.contains { $0.dataTransaction != nil } })
            #expect(told.undoLog.count < told.transactions.count, "a pack ends the undo log")
            // Every beginning is found, whichever end is nearer.
            for (number, transaction) in told.transactions.enumerated() {
                let first = try TransactionID(hex: transaction.tid)
                let found = try await storage.allTransactions(from: first).map(\.transaction.tid.hex)
                #expect(found == told.transactions[number...].map(\.tid))
            }
            try await storage.close()
        }
    }
}
