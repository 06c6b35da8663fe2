//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import ZODBFormat

@testable import ZODBStorage

/// Somebody who commits to objects of his own: texts, blobs, garbage, and takes some of it back again.
struct JournaledWriter {
    /// One state of an object.
    private struct Revision {
        var data: ByteBuffer
        var blob: String?
    }

    private let storage: FileStorage
    private let journal: DiskJournal
    private let ledger: CommitLedger
    private let texts: [ObjectID]
    private let blob: ObjectID
    private var revisions: [ObjectID: [Revision]] = [:]
    private var serials: [ObjectID: TransactionID] = [:]
    private var last: TransactionID?
    private var random: SeededGenerator

    /// The objects of a writer.
    static func objects(of number: Int) -> [ObjectID] { (1...4).map { .numbered(UInt64(number * 10 + $0)) } }

    init(_ number: Int, _ storage: FileStorage, _ journal: DiskJournal, _ ledger: CommitLedger, seed: UInt64) {
        self.storage = storage
        self.journal = journal
        self.ledger = ledger
        self.texts = Array(Self.objects(of: number).dropLast())
        self.blob = Self.objects(of: number)[3]
        self.random = SeededGenerator(seed: seed)
    }

    /// Makes all objects.
    mutating func begin() async throws {
        var revisions: [ObjectID: Revision] = [self.blob: .init(data: .blobRecord, blob: self.text())]
        for oid in self.texts { revisions[oid] = .init(data: record(self.text())) }
        _ = try await self.commit(revisions)
    }

    /// Commits so often.
    mutating func work(_ count: Int) async throws {
        for _ in 0..<count {
            switch Int.random(in: 0..<100, using: &self.random) {
            case 0..<50: try await self.commitTexts()
            case 50..<70: try await self.commitBlob()
            case 70..<85: try await self.undo()
            default: try await self.commitGarbage()
            }
        }
    }

    private mutating func text() -> String {
        let letter = "abcdefghijklmnopqrstuvwxyz".randomElement(using: &self.random)!
        let lengths = [0..<20, 20..<600, 600..<5000].randomElement(using: &self.random)!
        return String(repeating: letter, count: Int.random(in: lengths, using: &self.random))
    }

    private mutating func commitTexts() async throws {
        var revisions: [ObjectID: Revision] = [:]
        for oid in self.texts.shuffled(using: &self.random).prefix(Int.random(in: 1...3, using: &self.random)) {
            revisions[oid] = Revision(data: record(self.text()))
        }
        self.last = try await self.commit(revisions)
    }

    private mutating func commitBlob() async throws {
        self.last = try await self.commit([self.blob: Revision(data: .blobRecord, blob: self.text())])
    }

    private mutating func commitGarbage() async throws {
        let oid = try self.storage.newObjectIDs(1)[0]
        self.ledger.madeGarbage(oid)
        let isBlob = self.random.chance(50)
        let text = self.text()
        _ = try await self.commit([oid: isBlob ? Revision(data: .blobRecord, blob: text) : .init(data: record(text))])
    }

    private mutating func commit(_ revisions: [ObjectID: Revision]) async throws -> TransactionID {
        var operations: [TransactionDraft.Operation] = []
        for (oid, revision) in revisions {
            let serial = self.serials[oid] ?? .zero
            if let text = revision.blob {
                let file = BlobFileWriter(in: self.storage.traits.blobStagingDirectory!)
                try file.start()
                try file.append(ByteBuffer(string: text))
                file.finish()
                operations.append(.storeBlob(oid, serial: serial, data: revision.data, blob: file.blob))
            } else {
                operations.append(.store(oid, serial: serial, data: revision.data))
            }
        }
        return try await self.commit(operations, revisions)
    }

    /// Takes the last transaction back, if no pack has made that impossible.
    private mutating func undo() async throws {
        guard let last else { return }
        var revisions: [ObjectID: Revision] = [:]
        for oid in self.ledger.commits[last]!.records.keys {
            guard let earlier = self.revisions[oid]?.dropLast().last else { return }
            revisions[oid] = earlier
        }
        do {
            self.last = try await self.commit([.undo(last)], revisions)
        } catch let error as StorageError where error.code == .undoFailed {
            self.last = nil
        }
    }

    private mutating func commit(
        _ operations: [TransactionDraft.Operation],
        _ revisions: [ObjectID: Revision]
    ) async throws -> TransactionID {
        let tid = try await self.storage.finish(
            try await self.storage.prepare(TransactionDraft(operations: operations))
        )
        self.ledger.committed(
            .init(
                tid: tid,
                records: revisions.mapValues(\.data),
                blobs: revisions.compactMapValues(\.blob),
                acknowledgement: self.journal.note()
            )
        )
        for (oid, revision) in revisions {
            self.revisions[oid, default: []].append(revision)
            self.serials[oid] = tid
        }
        return tid
    }
}
