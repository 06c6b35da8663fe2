//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Testing
import ZODBFormat

@testable import ZODBStorage

/// What a check of a data file takes for sound.
@Suite struct DataFileCheckTests {
    @Test func aRecordThatAPackKeptForALaterPointerIsNoFault() async throws {
        try await withTemporaryDirectory { folder in
            let path = folder + "/Data.fs"
            let storage = try await FileStorage.open(.init(path: path, packGC: false, packKeepOld: false))
            let first = try await storage.commit([.root: record("one")])
            let second = try await storage.commit([.root: record("two")])
            try await storage.undo(second)
            try await storage.pack(PackRequest(before: second.successor))
            // Both are there, and a packed record names no previous one.
            #expect(try await storage.allTransactions().map(\.transaction.tid).prefix(2) == [first, second])
            try await storage.close()
            #expect(try FoundFaults(checking: path, references: true).faults == [])
        }
    }

    @Test func aCreationThatWasUndoneAgainIsNoFault() async throws {
        try await withTemporaryDirectory { folder in
            let path = folder + "/Data.fs"
            let storage = try await FileStorage.open(FileStorageConfiguration(path: path))
            let created = try await storage.commit(.numbered(1), .zero, "one")
            let gone = try await storage.undo(created).tid
            let back = try await storage.undo(gone).tid
            // Its record points to that of the first undo, which says that there is nothing.
            try await storage.undo(back)
            try await storage.close()
            #expect(try FoundFaults(checking: path, references: true).faults == [])
        }
    }
}
