//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import Testing
import ZODBFormat

@testable import ZODBStorage

/// Storages around storages, side by side with Python's.
@Suite(.timeLimit(.minutes(1))) struct WrapperPythonTests {
    private struct Told: Decodable {
        var name: String
        var interfaces: [String]
    }

    private func python<Value: Decodable>(_ command: String, _ folder: String, _ type: Value.Type) async throws -> Value
    {
        let output = try await runPython("wrappers.py", [command, folder])
        let line = try #require(output.split(separator: "\n").last { $0.hasPrefix("{") })
        return try JSONDecoder().decode(type, from: Data(line.utf8))
    }

    @Test func namesAndInterfacesAreThoseOfPython() async throws {
        try await withTemporaryDirectory { folder in
            let pythons = folder + "/python"
            try FileManager.default.createDirectory(atPath: pythons, withIntermediateDirectories: true)
            let told = try await self.python("tell", pythons, [String: Told].self)
            func file(_ name: String) throws -> FileStorage { try FileStorage(.init(path: folder + "/" + name)) }
            func blobs(_ name: String) throws -> FileStorage {
                try FileStorage(.init(path: folder + "/" + name, blobDirectory: folder + "/blobs-" + name))
            }
            func before(_ text: String, _ base: any LocalStorage) throws -> BeforeStorage {
                BeforeStorage(base, before: try #require(BeforeTime.parse(text)))
            }
            let storages: [String: any LocalStorage] = [
                "file": try file("1"),
                "fileWithBlobs": try blobs("2"),
                "blobsAroundFile": try BlobStorage(file("3.fs"), blobDirectory: folder + "/3"),
                "blobsAroundMapping": try BlobStorage(MappingStorage(), blobDirectory: folder + "/4"),
                "demo": try DemoStorage(),
                "demoOverFiles": try DemoStorage(base: file("5"), changes: file("6")),
                "demoWithBlobs": try DemoStorage(base: MappingStorage(), changes: blobs("7")),
                "before": try before("2008-01-21T15:22:43.25", file("8")),
                "beforeWithBlobs": try before("2008-01-21", blobs("9")),
                "zlib": ZlibStorage(try file("10")),
                "serverZlib": ServerZlibStorage(try BlobStorage(MappingStorage(), blobDirectory: folder + "/11")),
            ]
            #expect(told.keys.sorted() == storages.keys.sorted())
            for (kind, storage) in storages {
                #expect(storage.traits.interfaces == told[kind]?.interfaces, "\(kind)")
                #expect(storage.traits.name.replacing(folder + "/", with: "") == told[kind]?.name)
                try await storage.close()
            }
        }
    }

    @Test func compressedRecordsAreSharedWithPython() async throws {
        try await withTemporaryDirectory { folder in
            try await runPython("wrappers.py", ["write", folder])
            let storage = ZlibStorage(try FileStorage(.init(path: folder + "/Data.fs")))
            let records = try await self.python("read", folder, [String: String].self)
            #expect(records.count == 30)
            let raw = storage.base
            let last = try storage.lastTransaction()
            var stores: [(oid: ObjectID, serial: TransactionID, text: String)] = []
            for (oid, data) in records {
                let oid = try ObjectID(hex: oid)
                let record = try storage.load(oid, at: last)
                #expect(record.hex == data)
                // The same bytes, so that copies of a storage stay equal.
                let inBase = try await raw.load(oid, at: last)
                #expect(try CompressedRecord.compressed(record) == inBase)
                stores.append((oid, last, String(buffer: record) + "and ours"))
            }
            try await storage.commit(stores)
            try await storage.close()
            let again = try await self.python("read", folder, [String: String].self)
            for store in stores { #expect(again[store.oid.hex] == ByteBuffer(string: store.text).hex) }
        }
    }
}
