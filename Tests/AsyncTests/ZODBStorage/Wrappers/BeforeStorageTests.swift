//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import Testing
import ZODBFormat

@testable import ZODBStorage

@Suite(.timeLimit(.minutes(1))) struct BeforeStorageTests {
    private let a = ObjectID.numbered(1)
    private let b = ObjectID.numbered(2)

    @Test func storageIsSeenAsItWas() async throws {
        let base = MappingStorage()
        let first = try await base.commit(a, .zero, "one")
        let second = try await base.commit(a, first, "two")
        let third = try await base.commit([(a, second, "three"), (b, .zero, "b")])
        let before = BeforeStorage(base, before: third)
        #expect(before.traits.name == "MappingStorage before \(third.timeDescription)")
        #expect(before.traits.isReadOnly)
        #expect(before.traits.interfaces == [])
        #expect(try before.lastTransaction().successor == third)
        #expect(try before.load(a, before: .max) == ObjectRevision(data: .init(string: "two"), tid: second, next: nil))
        #expect(try before.load(a, before: second)?.next == second)
        #expect(try before.serial(of: a, before: .max) == second)
        #expect(try before.load(b, before: .max) == nil)
        #expect(try before.load(a, at: first) == ByteBuffer(string: "one"))
        #expect(throws: StorageError.self) { try before.load(a, at: third) }
        #expect(try await before.recentTransactions(after: .zero, limit: 1).map(\.tid) == [second])
        #expect(try await before.recentTransactions(after: .zero, limit: 9).map(\.tid) == [first, second])

        let observer = RecordingObserver()
        #expect(try await before.addObserver(observer).successor == third)
        try await base.commit(a, third, "four")
        #expect(observer.tids == [])
        #expect(try await before.text(a) == "two")
        let vote = await #expect(throws: StorageError.self) { try await before.vote(TransactionDraft()) }
        #expect(vote?.code == .readOnly)
        let pack = await #expect(throws: StorageError.self) { try await before.pack(.init(before: .max)) }
        #expect(pack?.code == .readOnly)
        #expect(throws: StorageError.self) { try before.newObjectIDs(1) }
        try await before.close()
        #expect(throws: StorageError.self) { try base.lastTransaction() }
    }

    @Test func changesMayBeLaidOverTheTimeBefore() async throws {
        try await withTemporaryDirectory { folder in
            let base = try FileStorage(.init(path: folder + "/base.fs", blobDirectory: folder + "/blobs"))
            let first = try await base.commitBlob(a, .zero, "one")
            let second = try await base.commitBlob(a, first, "two")
            let before = BeforeStorage(base, before: second)
            #expect(before.traits.interfaces == ["IBlobStorage"])
            #expect(try await before.blobText(a, first) == "one")
            await #expect(throws: StorageError.self) { try await before.blob(of: a, at: second) }
            let demo = try DemoStorage(base: before)
            let third = try await demo.commitBlob(a, first, "another two")
            #expect(try await demo.blobText(a, third) == "another two")
            #expect(try await demo.blobText(a, first) == "one")
            try await demo.close()
        }
    }

    @Test func timesAreReadAsPythonReadsThem() {
        for (text, expected) in [
            ("2008-01-21", "2008-01-21 00:00:00.000000"), ("2008-1-2T", "2008-01-02 00:00:00.000000"),
            ("2008-01-21T15", "2008-01-21 15:00:00.000000"), ("2008-01-21T15:22", "2008-01-21 15:22:00.000000"),
            ("2008-01-21T15:22:43", "2008-01-21 15:22:43.000000"),
            ("2008-01-21T15:22:43.25", "2008-01-21 15:22:43.250000"),
        ] {
            #expect(BeforeTime.parse(text)?.timeDescription == expected)
        }
        for text in ["", "2008", "2008-01", "2008-13-01", "2008-01-21T1:2:3:4", "2008-01-21Tx", "2008-01-21T25", "T"] {
            #expect(BeforeTime.parse(text) == nil, "\(text)")
        }
    }
}
