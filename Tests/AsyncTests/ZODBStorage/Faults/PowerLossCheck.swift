//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import ZODBFormat

@testable import ZODBStorage

/// Compares a storage with what was committed to it before the power failed.
struct PowerLossCheck {
    let ledger: CommitLedger
    /// The event before which the power failed.
    let instant: Int
    let configuration: FileStorageConfiguration
    /// What is not as it should be.
    private(set) var problems: [String] = []

    init(ledger: CommitLedger, instant: Int, configuration: FileStorageConfiguration) {
        (self.ledger, self.instant, self.configuration) = (ledger, instant, configuration)
    }

    private mutating func expect(_ isRight: Bool, _ problem: @autoclosure () -> String) {
        if !isRight { self.problems.append(problem()) }
    }

    private func open(_ folder: String) async throws -> FileStorage {
        try await FileStorage.open(self.configuration.moved(to: folder))
    }

    /// Opens the storage in a folder, adds to `problems`, and sees whether it goes on. What it throws is a problem, too.
    mutating func run(in folder: String) async throws {
        let storage = try await self.open(folder)
        try await self.compare(storage)
        for rest in [".pack", ".pack.index", ".pack.index.index_tmp"] {
            self.expect(!FileManager.default.fileExists(atPath: folder + "/Data.fs" + rest), "there is a \(rest)")
        }
        // It goes on.
        let object = JournaledWriter.objects(of: 0)[0]
        let tid = try await storage.commit([object: record("goes on")])
        // Early on there is no root object.
        let hasRoot = try storage.loadIfAny(.root) != nil
        try await storage.packAll(collectsGarbage: hasRoot)
        try await storage.close()
        let again = try await self.open(folder)
        try self.expect(again.lastTransaction() == tid, "the new transaction is not the last one")
        try self.expect(again.load(object, before: .max)?.data == record("goes on"), "it does not go on")
        try await again.close()
    }

    private mutating func compare(_ storage: FileStorage) async throws {
        let commits = self.ledger.commits
        let acknowledged = commits.values.filter { $0.acknowledgement < self.instant }
        let packTime = self.ledger.packTime(before: self.instant)
        let last = try storage.lastTransaction()
        self.expect(last >= acknowledged.map(\.tid).max() ?? .zero, "the last transaction is \(last)")

        // Whatever is there has been committed so.
        var newest: [ObjectID: TransactionID] = [:]
        var found: Set<TransactionID> = []
        let transactions = try await storage.transactions(from: .zero, through: .max)
        while let transaction = try await transactions.next() {
            let tid = transaction.tid
            guard let commit = commits[tid] else {
                // Whoever wanted it was not told that it is there.
                self.expect(false, "nobody has committed \(tid)")
                continue
            }
            found.insert(tid)
            var count = 0
            let records = try await transaction.records()
            while let stored = try await records.next() {
                count += 1
                newest[stored.oid] = tid
                self.expect(stored.data == commit.records[stored.oid], "object \(stored.oid) at \(tid)")
                if let text = commit.blobs[stored.oid] {
                    let file = try await storage.blob(of: stored.oid, at: tid)
                    let contents = try Data(contentsOf: URL(fileURLWithPath: file))
                    self.expect(contents == Data(text.utf8), "the blob of object \(stored.oid) at \(tid)")
                }
            }
            if tid >= packTime { self.expect(count == commit.records.count, "\(tid) is there in part") }
        }
        // And whatever was acknowledged is there.
        for commit in acknowledged where commit.tid >= packTime {
            self.expect(found.contains(commit.tid), "\(commit.tid) was acknowledged and is lost")
        }
        var due: [ObjectID: TransactionID] = [:]
        for commit in acknowledged {
            for oid in commit.records.keys { due[oid] = max(commit.tid, due[oid] ?? .zero) }
        }
        for (oid, tid) in due where packTime == .zero || !self.ledger.garbage.contains(oid) {
            self.expect(newest[oid] ?? .zero >= tid, "object \(oid) as of \(tid) was acknowledged and is lost")
        }
        // The index says the same.
        for (oid, tid) in newest {
            try self.expect(storage.load(oid, before: .max)?.tid == tid, "the index has another object \(oid)")
        }
        try self.expect(storage.statistics().objectCount == newest.count, "the index has another number of objects")
    }
}

extension FileStorageConfiguration {
    /// The configuration of a storage in a folder, with blobs.
    func moved(to folder: String) -> FileStorageConfiguration {
        var configuration = self
        configuration.path = folder + "/Data.fs"
        configuration.blobDirectory = folder + "/blobs"
        return configuration
    }
}
