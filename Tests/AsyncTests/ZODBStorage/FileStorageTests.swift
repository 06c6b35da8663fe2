//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import Testing
import ZODBFormat

@testable import ZODBStorage

/// What the configuration of a file storage asks for.
@Suite(.timeLimit(.minutes(1))) struct FileStorageTests {
    private let a = ObjectID.numbered(1)

    @Test func everythingIsThereAtTheNextOpening() async throws {
        try await withTemporaryDirectory { folder in
            let configuration = FileStorageConfiguration(path: folder + "/Data.fs")
            let storage = try await FileStorage.open(configuration)
            let first = try await storage.commit([(a, .zero, "one"), (.numbered(40), .zero, "two")])
            let second = try await storage.commit(a, first, "three")
            let statistics = try storage.statistics()
            let recent = try await storage.recentTransactions(after: .zero, limit: 9)
            try await storage.close()
            let again = try await FileStorage.open(configuration)
            #expect(try again.lastTransaction() == second)
            #expect(try again.statistics() == statistics)
            #expect(try await again.recentTransactions(after: .zero, limit: 9) == recent)
            #expect(try again.load(a, before: second) == .init(data: .init(string: "one"), tid: first, next: second))
            #expect(try again.newObjectIDs(1) == [.numbered(41)])
            try await again.close()
        }
    }

    @Test func tidsRiseOverAnOpeningThoughTheClockStepsBack() async throws {
        try await withTemporaryDirectory { folder in
            let configuration = FileStorageConfiguration(path: folder + "/Data.fs")
            let clock = TestClock()
            let storage = try FileStorage(configuration, clock: clock.read)
            let first = try await storage.commit(a, .zero, "one")
            try await storage.close()
            clock.advance(by: .seconds(-86_400))
            let again = try FileStorage(configuration, clock: clock.read)
            #expect(try await again.commit(a, first, "two") == first.successor)
            try await again.close()
        }
    }

    @Test func createThrowsAwayWhatWasThere() async throws {
        try await withTemporaryDirectory { folder in
            let path = folder + "/Data.fs"
            let storage = try await FileStorage.open(.init(path: path))
            try await storage.commit(a, .zero, "gone")
            try await storage.close()
            let again = try await FileStorage.open(.init(path: path, create: true))
            #expect(try again.lastTransaction() == .zero)
            #expect(!FileManager.default.fileExists(atPath: path + ".index"))
            #expect(throws: StorageError.self) { try again.load(a, before: .max) }
            try await again.close()
            let error = await #expect(throws: StorageError.self) {
                try await FileStorage.open(.init(path: path, create: true, readOnly: true))
            }
            #expect(error?.code == .invalidArgument)
        }
    }

    @Test func createLeavesALockedFileAlone() async throws {
        try await withTemporaryDirectory { folder in
            let path = folder + "/Data.fs"
            let storage = try await FileStorage.open(.init(path: path))
            let tid = try await storage.commit(a, .zero, "kept")
            let error = await #expect(throws: StorageError.self) {
                try await FileStorage.open(.init(path: path, create: true))
            }
            #expect(error?.code == .locked)
            try await storage.close()
            let again = try await FileStorage.open(.init(path: path))
            #expect(try again.lastTransaction() == tid)
            try await again.close()
        }
    }

    @Test func readOnlyStorageRefusesVotesAndNewIdentifiersAndMissingFiles() async throws {
        try await withTemporaryDirectory { folder in
            let path = folder + "/Data.fs"
            await #expect(throws: FileError.self) { try await FileStorage.open(.init(path: path, readOnly: true)) }
            let storage = try await FileStorage.open(.init(path: path))
            let tid = try await storage.commit(a, .zero, "one")
            let reader = try await FileStorage.open(.init(path: path, readOnly: true))
            #expect(reader.traits.isReadOnly)
            #expect(try reader.load(a, before: .max)?.tid == tid)
            let error = await #expect(throws: StorageError.self) { try await reader.vote(TransactionDraft()) }
            #expect(error?.code == .readOnly)
            let other = #expect(throws: StorageError.self) { try reader.newObjectIDs(1) }
            #expect(other?.code == .readOnly)
            try await reader.close()
            try await storage.close()
        }
    }

    @Test func openingsForReadingDuringCommitsSeeWholeTransactions() async throws {
        try await withTemporaryDirectory { folder in
            let path = folder + "/Data.fs"
            let storage = try await FileStorage.open(.init(path: path))
            let oids = (1...10).map { ObjectID.numbered($0) }
            let writer = Task {
                var last = TransactionID.zero
                var round = 0
                while !Task.isCancelled {
                    last = try await storage.commit(oids.map { [last] in ($0, last, "\(round)") })
                    round += 1
                }
                return last
            }
            try await eventually("something is committed") { try storage.lastTransaction() > .zero }
            for _ in 0..<20 {
                let acknowledged = try storage.lastTransaction()
                let reader = try await FileStorage.open(.init(path: path, readOnly: true))
                #expect(try reader.lastTransaction() >= acknowledged)
                let texts = try oids.map { String(buffer: try #require(try reader.load($0, before: .max)).data) }
                #expect(Set(texts).count == 1)
                try await reader.close()
            }
            writer.cancel()
            _ = await writer.result
            try await storage.close()
        }
    }

    @Test func copyOfTheFileTakenAtAnyInstantHoldsWhatWasAcknowledged() async throws {
        try await withTemporaryDirectory { folder in
            let path = folder + "/Data.fs"
            let storage = try await FileStorage.open(.init(path: path))
            let writers = (1...4).map { number in
                Task {
                    var last = TransactionID.zero
                    let oids = [ObjectID.numbered(UInt64(number * 2)), .numbered(UInt64(number * 2 + 1))]
                    while !Task.isCancelled {
                        let text = "\(last) " + String(repeating: "x", count: Int.random(in: 0..<9000))
                        last = try await storage.commit(oids.map { [last] in ($0, last, text) })
                    }
                }
            }
            try await eventually("something is committed") { try storage.lastTransaction() > .zero }
            for number in 0..<6 {
                let acknowledged = try storage.lastTransaction()
                let copy = folder + "/copy\(number).fs"
                try Data(contentsOf: URL(fileURLWithPath: path)).write(to: URL(fileURLWithPath: copy))
                let recovered = try await FileStorage.open(.init(path: copy))
                #expect(try recovered.lastTransaction() >= acknowledged)
                for transaction in try await recovered.recentTransactions(after: .zero, limit: .max) {
                    let texts = try transaction.oids.map { try recovered.load($0, at: transaction.tid) }
                    #expect(texts.count == 2 && texts[0] == texts[1])
                }
                try await recovered.close()
            }
            for writer in writers {
                writer.cancel()
                _ = await writer.result
            }
            try await storage.close()
        }
    }

    @Test func quotaRefusesWhatWouldBeginBehindIt() async throws {
        try await withTemporaryDirectory { folder in
            let path = folder + "/Data.fs"
            let storage = try await FileStorage.open(.init(path: path, quota: 1000))
            // As in Python, the record that crosses the quota is the last one.
            let first = try await storage.commit(a, .zero, String(repeating: "x", count: 2000))
            let error = await #expect(throws: StorageError.self) { try await storage.commit(a, first, "more") }
            #expect(error?.code == .quotaExceeded)
            #expect(try storage.load(a, before: .max)?.tid == first)
            #expect(try await storage.finish(try await storage.prepare(TransactionDraft())) > first)
            try await storage.close()
        }
    }

    @Test func metadataThatTheFormatCannotHoldIsRefused() async throws {
        try await withTemporaryDirectory { folder in
            let storage = try await FileStorage.open(.init(path: folder + "/Data.fs"))
            let long = ByteBuffer(repeating: 0x20, count: 65_536)
            let fitting = ByteBuffer(repeating: 0x20, count: 65_535)
            for metadata in [
                TransactionMetadata(user: long), TransactionMetadata(description: long),
                TransactionMetadata(extensionData: long),
            ] {
                let draft = TransactionDraft(metadata: metadata)
                let error = await #expect(throws: StorageError.self) { try await storage.vote(draft) }
                #expect(error?.code == .tooLarge)
            }
            let metadata = TransactionMetadata(user: fitting, description: fitting, extensionData: fitting)
            _ = try await storage.finish(try await storage.prepare(TransactionDraft(metadata: metadata)))
            try await storage.close()
        }
    }

    @Test func lockIsFreeAfterClosingAndAfterForgetting() async throws {
        try await withTemporaryDirectory { folder in
            let path = folder + "/Data.fs"
            do {
                let forgotten = try FileStorage(.init(path: path))
                #expect(throws: StorageError.self) { try FileStorage(.init(path: path)) }
                try await forgotten.commit(a, .zero, "one")
            }
            let storage = try FileStorage(.init(path: path))
            try await storage.close()
            let again = try FileStorage(.init(path: path))
            #expect(try again.statistics().objectCount == 1)
            try await again.close()
        }
    }

    @Test func symbolicLinkToAMissingFileIsNotReplaced() async throws {
        try await withTemporaryDirectory { folder in
            let (path, target) = (folder + "/Data.fs", folder + "/unmounted/Data.fs")
            try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: target)
            await #expect(throws: FileError.self) { try await FileStorage.open(.init(path: path)) }
            #expect(try FileManager.default.destinationOfSymbolicLink(atPath: path) == target)
        }
    }

    /// Bytes of the length of the first record, whose change makes it 256 TiB or 4 GiB longer.
    @Test(arguments: [62, 64])
    func damagedLengthFailsTheLoadAndNothingElse(position: Int) async throws {
        try await withTemporaryDirectory { folder in
            let path = folder + "/Data.fs"
            let storage = try await FileStorage.open(.init(path: path))
            let first = try await storage.commit(a, .zero, "one")
            let second = try await storage.commit(a, first, "two")
            let file = try #require(FileHandle(forUpdatingAtPath: path))
            try file.seek(toOffset: UInt64(position))
            try file.write(contentsOf: Data([1]))
            try file.close()
            let error = #expect(throws: StorageError.self) { try storage.load(a, before: second) }
            #expect(error?.code == .corrupted)
            #expect(try storage.load(a, before: .max)?.tid == second)
            try await storage.close()
        }
    }

    @Test func transactionThatNoBufferHoldsIsRefused() async throws {
        try await withTemporaryDirectory { folder in
            let storage = try await FileStorage.open(.init(path: folder + "/Data.fs"))
            let data = ByteBuffer(repeating: 0x20, count: 1 << 20)
            let operations = (1...4096).map {
                TransactionDraft.Operation.store(.numbered($0), serial: .zero, data: data)
            }
            let error = await #expect(throws: StorageError.self) {
                try await storage.vote(TransactionDraft(operations: operations))
            }
            #expect(error?.code == .tooLarge)
            try await storage.commit(a, .zero, "one")
            try await storage.close()
        }
    }

    @Test func commitBehindTheLastIdentifierFailsAndHoldsNothing() async throws {
        try await withTemporaryDirectory { folder in
            let clock = TestClock(.seconds(250_000_000_000))
            let storage = try FileStorage(.init(path: folder + "/Data.fs"), clock: clock.read)
            let error = await #expect(throws: StorageError.self) { try await storage.commit(a, .zero, "late") }
            #expect(error?.code == .tooLarge)
            clock.advance(by: .seconds(-240_000_000_000))
            try await storage.commit(a, .zero, "in time")
            try await storage.close()
        }
    }

    @Test func openingInAMissingFolderNamesThePath() async throws {
        try await withTemporaryDirectory { folder in
            let path = folder + "/missing/Data.fs"
            let error = await #expect(throws: FileError.self) { try await FileStorage.open(.init(path: path)) }
            #expect(error?.description.contains(path) == true)
        }
    }
}
