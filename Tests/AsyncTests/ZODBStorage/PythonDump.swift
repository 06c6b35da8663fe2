//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import Testing
import ZODBFormat

@testable import ZODBStorage

/// What Python's FileStorage says is in a data file.
struct PythonDump: Decodable {
    struct Transaction: Decodable {
        var tid: String
        var status: String
        var user: String
        var description: String
        var `extension`: String
        var oids: [String]
    }

    struct Revision: Decodable {
        var tid: String
        /// `nil` where the object's creation was undone.
        var data: String?
        var next: String?
    }

    var last: String
    var count: Int
    var size: Int
    var usedIndex: Bool
    var transactions: [Transaction]
    var objects: [String: [Revision]]
    /// The contents of blobs by oid and tid, and the files that belong to none; told by `histories.py judge` alone.
    var blobs: [String: String]?
    var strays: [String]?

    init(of path: String) async throws {
        let output = try await runPython("filestorage.py", ["dump", path])
        let line = try #require(output.split(separator: "\n").last { $0.hasPrefix("{") })
        self = try JSONDecoder().decode(PythonDump.self, from: Data(line.utf8))
    }

    /// Compares everything that can be asked of `storage` with what Python says.
    func expectEqual(to storage: FileStorage) async throws {
        #expect(try storage.lastTransaction().hex == self.last)
        let statistics = try storage.statistics()
        #expect(statistics == StorageStatistics(objectCount: self.count, byteCount: self.size))
        let transactions = try await storage.recentTransactions(after: .zero, limit: .max)
        #expect(transactions.map(\.tid.hex) == self.transactions.map(\.tid))
        #expect(transactions.map { $0.oids.map(\.hex) } == self.transactions.map(\.oids))
        #expect(!self.objects.isEmpty)
        for (oid, revisions) in self.objects {
            let oid = try ObjectID(hex: oid)
            for revision in revisions {
                let tid = try TransactionID(hex: revision.tid)
                guard let data = revision.data else {
                    for load in [
                        { _ = try storage.load(oid, before: tid.successor) }, { _ = try storage.load(oid, at: tid) },
                    ] {
                        let error = #expect(throws: StorageError.self) { try load() }
                        #expect(error?.code == .noSuchObject)
                    }
                    continue
                }
                let loaded = try #require(try storage.load(oid, before: tid.successor))
                #expect(loaded.data.hex == data)
                #expect(loaded.tid == tid)
                #expect(loaded.next?.hex == revision.next)
                #expect(try storage.load(oid, at: tid) == loaded.data)
                #expect(try storage.serial(of: oid, before: tid.successor) == tid)
            }
        }
        for (revision, text) in self.blobs ?? [:] {
            let oid = try ObjectID(hex: String(revision.prefix(16)))
            let tid = try TransactionID(hex: String(revision.dropFirst(16)))
            #expect(try await storage.blobText(oid, tid) == text)
        }
    }
}

extension EightByteIdentifier {
    var hex: String { String(self.description.dropFirst(2)) }

    init(hex: String) throws {
        self.init(rawValue: try #require(UInt64(hex, radix: 16)))
    }
}

extension ByteBuffer {
    var hex: String {
        self.readableBytesView.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
