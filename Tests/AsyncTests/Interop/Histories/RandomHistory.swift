//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import Testing
import ZODBFormat

@testable import ZODBStorage

/// Lets the history of a data file grow at random, the same way for the same seed, in mappings that Python's tools can
/// read: several writers, blobs, undos, packs, and copies into a fresh file. The blobs of a file at PATH are in PATH.blobs.
struct RandomHistory {
    private static let mapping = PickleGlobal("persistent.mapping", "PersistentMapping")
    private static let root = ObjectID.root

    let path: String
    private(set) var storage: FileStorage
    private var random: SeededGenerator
    private var number = 0

    /// A history in the file at `path`, which is made where there is none.
    init(_ path: String, seed: UInt64) async throws {
        self.path = path
        self.random = SeededGenerator(seed: seed)
        self.storage = try await Self.open(path)
        guard try self.storage.lastTransaction() == .zero else { return }
        try await self.commit("root", [.store(Self.root, serial: .zero, data: Self.record([]))])
        for _ in 0..<Int.random(in: 2...6, using: &self.random) { try await self.create() }
    }

    private static func open(_ path: String, create: Bool = false) async throws -> FileStorage {
        try await FileStorage.open(
            FileStorageConfiguration(path: path, create: create, blobDirectory: path + ".blobs")
        )
    }

    mutating func run(steps: Int) async throws {
        for _ in 0..<steps {
            switch Int.random(in: 0..<100, using: &self.random) {
            case ..<35: try await self.change(1)
            case ..<50: try await self.change(3)
            case ..<57: try await self.create()
            case ..<66: try await self.createBlob()
            case ..<74: try await self.forget()
            case ..<92: try await self.undo()
            case ..<96: try await self.copy()
            default: try await self.pack()
            }
        }
    }

    // MARK: Steps

    /// Several writers at once, each of whom changes one object; of those who meet at one, one wins.
    private mutating func change(_ writers: Int) async throws {
        let children = try self.references().map(\.oid) + [Self.root]
        var drafts: [TransactionDraft] = []
        for writer in 0..<writers {
            guard let oid = children.randomElement(using: &self.random),
                let revision = try self.storage.load(oid, before: .max)
            else { continue }
            let key = "x\(Int.random(in: 0..<5, using: &self.random))"
            let text = self.text()
            let operation: TransactionDraft.Operation =
                if ObjectRecord.isBlob(revision.data) {
                    .storeBlob(
                        oid,
                        serial: revision.tid,
                        data: revision.data,
                        blob: try self.storage.stagedBlob(text)
                    )
                } else {
                    .store(oid, serial: revision.tid, data: try Self.changed(revision.data, key, .string(text)))
                }
            drafts.append(self.draft("change \(writer)", [operation]))
        }
        let storage = self.storage
        try await withThrowingTaskGroup { group in
            for draft in drafts {
                group.addTask {
                    guard case .prepared(let vote) = try await storage.vote(draft) else { return }
                    _ = try await storage.finish(vote)
                }
            }
            try await group.waitForAll()
        }
    }

    private mutating func text() -> String {
        let most = [1, 20, 200, 5000].randomElement(using: &self.random)!
        return String(repeating: "y", count: Int.random(in: 0...most, using: &self.random))
    }

    private mutating func create() async throws {
        guard let root = try self.storage.load(Self.root, before: .max) else { return }
        let oids = try self.storage.newObjectIDs(2)
        self.number += 1
        let inner = Self.record([PickleItem(.string("in"), Self.reference(oids[1]))])
        let changed = try Self.changed(root.data, "made\(self.number)", Self.reference(oids[0]))
        try await self.commit(
            "create",
            [
                .store(Self.root, serial: root.tid, data: changed), .store(oids[0], serial: .zero, data: inner),
                .store(oids[1], serial: .zero, data: Self.record([])),
            ]
        )
    }

    private mutating func createBlob() async throws {
        guard let root = try self.storage.load(Self.root, before: .max) else { return }
        let oid = try self.storage.newObjectIDs(1)[0]
        self.number += 1
        let reference = Self.reference(oid, PickleGlobal("ZODB.blob", "Blob"))
        let changed = try Self.changed(root.data, "made\(self.number)", reference)
        let blob = try self.storage.stagedBlob(self.text())
        try await self.commit(
            "create a blob",
            [
                .store(Self.root, serial: root.tid, data: changed),
                .storeBlob(oid, serial: .zero, data: .blobRecord, blob: blob),
            ]
        )
    }

    private mutating func forget() async throws {
        guard let root = try self.storage.load(Self.root, before: .max) else { return }
        let items = try Self.items(of: ObjectRecord(root.data))
        guard items.count > 3, let key = items.randomElement(using: &self.random)?.key.asText else { return }
        let changed = try Self.changed(root.data, key, nil)
        try await self.commit("forget", [.store(Self.root, serial: root.tid, data: changed)])
    }

    private mutating func undo() async throws {
        let log = try await self.storage.undoableTransactions(skipping: 0, limit: 6) {
            // Nothing that made the root, and nothing of another hand.
            String(buffer: $0.metadata.user).hasPrefix("swift") && String(buffer: $0.metadata.description) != "root"
        }
        guard !log.isEmpty else { return }
        let count = Int.random(in: 1...min(2, log.count), using: &self.random)
        let chosen = Set((0..<count).map { _ in log.randomElement(using: &self.random)!.tid })
        var draft = self.draft("undo", [])
        draft.operations = chosen.sorted(by: >).map { .undo($0) }
        do {
            if case .prepared(let vote) = try await self.storage.vote(draft) { _ = try await self.storage.finish(vote) }
        } catch let error as StorageError where error.code == .undoFailed {
            // Somebody has changed the objects since, which is how it goes.
        }
    }

    private mutating func pack() async throws {
        try await self.storage.pack(PackRequest(before: TransactionID(secondsSince1970: Date().timeIntervalSince1970)))
    }

    /// The file is replaced by one into which its transactions were restored.
    private mutating func copy() async throws {
        let copyPath = self.path + ".copy"
        let target = try await Self.open(copyPath, create: true)
        let summary = try await StorageCopy(from: self.storage, to: target).run()
        #expect(try summary.last == self.storage.lastTransaction())
        #expect(summary.missingBlobs == 0)
        try await target.close()
        try await self.storage.close()
        try FileSystem.removeTree(self.path + ".blobs")
        for suffix in ["", ".index", ".blobs"] { try FileSystem.rename(copyPath + suffix, to: self.path + suffix) }
        self.storage = try await Self.open(self.path)
    }

    // MARK: Records

    private func references() throws -> [ObjectReference] {
        guard let root = try self.storage.load(Self.root, before: .max) else { return [] }
        return try ObjectReference.all(in: root.data)
    }

    private static func reference(_ oid: ObjectID, _ name: PickleGlobal = Self.mapping) -> PickleValue {
        .persistentID(.tuple([.identifier(oid), .global(name)]))
    }

    private static func record(_ items: [PickleItem]) -> ByteBuffer {
        ObjectRecord(
            classDescription: .global(Self.mapping),
            state: .dict([PickleItem(.string("data"), .dict(items))])
        ).bytes
    }

    private static func items(of record: ObjectRecord) throws -> [PickleItem] {
        try #require(record.state["data"]?.asItems)
    }

    /// A mapping's record with another value for a key, or without it.
    private static func changed(_ record: ByteBuffer, _ key: String, _ value: PickleValue?) throws -> ByteBuffer {
        var items = try Self.items(of: ObjectRecord(record)).filter { $0.key.asText != key }
        if let value { items.append(PickleItem(.string(key), value)) }
        return Self.record(items)
    }

    private func draft(_ description: String, _ operations: [TransactionDraft.Operation]) -> TransactionDraft {
        TransactionDraft(
            metadata: TransactionMetadata(
                user: ByteBuffer(string: "swift"),
                description: ByteBuffer(string: description)
            ),
            operations: operations
        )
    }

    private func commit(_ description: String, _ operations: [TransactionDraft.Operation]) async throws {
        _ = try await self.storage.finish(try await self.storage.prepare(self.draft(description, operations)))
    }
}
