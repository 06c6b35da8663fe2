//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import Testing
import ZODBFormat

@testable import ZODBStorage

/// Blob directories that we share with Python's ZODB.
@Suite(.timeLimit(.minutes(1))) struct BlobPythonTests {
    /// A blob as Python sees it.
    private struct Blob: Decodable, Hashable {
        var oid: String
        var tid: String
        /// Its length in bytes; -1 where there is no file.
        var size: Int
        /// Its last bytes.
        var end: String
    }

    private func dump(_ kind: BlobStorageKind, _ folder: String) async throws -> [Blob] {
        let output = try await runPython("blobs.py", ["dump", kind.pythonName, folder])
        let line = try #require(output.split(separator: "\n").last { $0.hasPrefix("[") })
        return try JSONDecoder().decode([Blob].self, from: Data(line.utf8))
    }

    /// Reads every blob of Python's with a storage of ours.
    private func expectEqual(_ blobs: [Blob], in storage: any LocalStorage) async throws {
        for blob in blobs {
            let (oid, tid) = (try ObjectID(hex: blob.oid), try TransactionID(hex: blob.tid))
            guard blob.size >= 0 else {
                await #expect(throws: StorageError.self) { try await storage.blob(of: oid, at: tid) }
                continue
            }
            let data = try Data(contentsOf: URL(fileURLWithPath: try await storage.blob(of: oid, at: tid)))
            #expect(data.count == blob.size)
            #expect(data.suffix(40).map { $0 } == (ByteBuffer(hex: blob.end).map { Array($0.readableBytesView) }))
        }
    }

    @Test(arguments: [BlobStorageKind.file, .aroundFile], ["bushy", "lawn"])
    func everyBlobOfPythonIsReadAndGoesOn(_ kind: BlobStorageKind, _ layout: String) async throws {
        try await withTemporaryDirectory { folder in
            try await runPython("blobs.py", ["make", kind.pythonName, layout, folder])
            let blobs = try await self.dump(kind, folder)
            #expect(blobs.count > 300)
            #expect(blobs.filter { $0.size > 90_000 }.count > 3)
            let storage = try kind.open(in: folder)
            try await self.expectEqual(blobs, in: storage)
            // A revision of ours over Python's, and a new object.
            let oid = try ObjectID(hex: blobs[0].oid)
            let serial = try #require(try await storage.serial(of: oid, before: .max))
            let fresh = try await storage.newObjectIDs(1)[0]
            let tid = try await storage.commitBlobs([(oid, serial, "ours over Python's"), (fresh, .zero, "new")])
            try await storage.close()

            let again = try await self.dump(kind, folder)
            #expect(Set(blobs).isSubset(of: again))
            let ours = again.filter { $0.tid == tid.hex }
            #expect(Set(ours.map(\.end)) == Set(["ours over Python's", "new"].map { ByteBuffer(string: $0).hex }))
            #expect(try String(contentsOfFile: folder + "/blobs/.layout", encoding: .utf8) == layout)

            try await runPython("blobs.py", ["undo", kind.pythonName, folder])
            try await runPython("blobs.py", ["append", kind.pythonName, folder])
            let undone = try await self.dump(kind, folder)
            let reading = try kind.open(in: folder)
            try await self.expectEqual(undone, in: reading)
            let before = try #require(blobs.last { $0.oid == blobs[0].oid })
            #expect(undone.filter { $0.oid == blobs[0].oid }.contains { $0.tid > tid.hex && $0.end == before.end })
            try await reading.close()

            try await runPython("blobs.py", ["pack", kind.pythonName, folder])
            let packed = try await self.dump(kind, folder)
            #expect(packed.count < undone.count)
            let last = try kind.open(in: folder)
            try await self.expectEqual(packed, in: last)
            let gone = try TransactionID(hex: blobs[0].tid)
            await #expect(throws: StorageError.self) { try await last.blob(of: oid, at: gone) }
            try await last.close()
        }
    }
}

extension BlobStorageKind {
    fileprivate var pythonName: String { self == .file ? "file" : "around" }
}

extension ByteBuffer {
    /// The bytes that hexadecimal digits spell.
    fileprivate init?(hex: String) {
        let digits = Array(hex)
        self.init()
        for place in stride(from: 0, to: digits.count, by: 2) {
            guard let byte = UInt8(String(digits[place...place + 1]), radix: 16) else { return nil }
            self.writeInteger(byte)
        }
    }
}
