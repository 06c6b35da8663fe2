//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import Testing
import ZODBFormat

@testable import ZODBStorage

@Suite struct BlobDirectoryTests {
    private let oid = ObjectID(rawValue: 0x0102_0304_0506_070a)
    private let tid = TransactionID(rawValue: 0x03ab_cdef_0123_4567)

    @Test func foldersAndFilesAreNamedAsPythonNamesThem() throws {
        #expect(BlobLayout.bushy.folder(of: oid) == "0x01/0x02/0x03/0x04/0x05/0x06/0x07/0x0a")
        #expect(BlobLayout.lawn.folder(of: oid) == "0x010203040506070a")
        #expect(BlobLayout.lawn.folder(of: .numbered(0x100)) == "0x0100")
        #expect(BlobLayout.lawn.folder(of: .root) == "0x00")
        #expect(BlobLayout.bushy.fileName(of: tid) == "0x03abcdef01234567.blob")
        for layout in [BlobLayout.bushy, .lawn] {
            for oid in [oid, .root, .numbered(0xff), .numbered(.max)] {
                let names = layout.folder(of: oid).split(separator: "/").map(String.init)
                #expect(layout.object(ofFolder: names) == oid)
                #expect(layout.object(ofFolder: names + ["0x00"]) == nil)
            }
            #expect(layout.object(ofFolder: ["tmp"]) == nil)
            #expect(layout.transaction(ofFile: layout.fileName(of: tid)) == tid)
            for name in ["0x03abcdef01234567.tmp", "blob", ".blob", "0x.blob", "0xzz.blob", "0x+1.blob", "03.blob"] {
                #expect(layout.transaction(ofFile: name) == nil)
            }
        }
    }

    @Test func newDirectoryIsBushyAndHasItsMarker() async throws {
        try await withTemporaryDirectory { folder in
            let path = folder + "/some/blobs"
            let directory = try BlobDirectory(path, isWritable: true)
            #expect(directory.layout == .bushy)
            #expect(try String(contentsOfFile: path + "/.layout", encoding: .utf8) == "bushy")
            #expect(try names(in: path) == ["tmp"])
            #expect(try BlobDirectory(path, isWritable: true).layout == .bushy)
        }
    }

    @Test func usedDirectoryWithoutMarkerIsALawn() async throws {
        try await withTemporaryDirectory { folder in
            try FileManager.default.createDirectory(atPath: folder + "/0x01", withIntermediateDirectories: true)
            let reading = try BlobDirectory(folder, isWritable: false)
            #expect(reading.layout == .lawn)
            #expect(!FileManager.default.fileExists(atPath: folder + "/.layout"), "reading makes nothing")
            #expect(try BlobDirectory(folder, isWritable: true).layout == .lawn)
            #expect(try String(contentsOfFile: folder + "/.layout", encoding: .utf8) == "lawn")
        }
    }

    @Test func markerOfAnotherLayoutIsRefused() async throws {
        try await withTemporaryDirectory { folder in
            try "zip\n".write(toFile: folder + "/.layout", atomically: true, encoding: .utf8)
            let error = #expect(throws: StorageError.self) { try BlobDirectory(folder, isWritable: true) }
            #expect(error?.code == .unsupportedFormat)
            #expect(error?.message.contains("'zip'") == true)
            try "lawn\n".write(toFile: folder + "/.layout", atomically: true, encoding: .utf8)
            #expect(try BlobDirectory(folder, isWritable: true).layout == .lawn)
            let file = folder + "/file"
            try "".write(toFile: file, atomically: true, encoding: .utf8)
            #expect(throws: StorageError.self) { try BlobDirectory(file, isWritable: true) }
        }
    }

    /// Whoever shares the directory makes folders, and does not synchronise them.
    @Test func nameOfEveryFolderIsMadeDurableOnce() async throws {
        try await withTemporaryDirectory { folder in
            let synchronized = Mutex<[String]>([])
            let directory = try BlobDirectory(
                folder,
                isWritable: true,
                folders: DurableFolders { path in synchronized.withLock { $0.append(path) } }
            )
            func made(_ oid: ObjectID) throws -> [String] {
                synchronized.withLock { $0 = [] }
                #expect(try directory.makeFolder(of: oid) == directory.folder(of: oid))
                return synchronized.withLock { $0.map { String($0.dropFirst(directory.path.count)) } }
            }
            try FileManager.default.createDirectory(
                atPath: directory.folder(of: .numbered(0x0105)),
                withIntermediateDirectories: true
            )
            let names = ["/0x00", "/0x00", "/0x00", "/0x00", "/0x00", "/0x00", "/0x01", "/0x05"]
            let chain = (1...8).map { names.prefix($0).joined() }
            #expect(try made(.numbered(0x0105)) == chain.reversed())
            #expect(try made(.numbered(0x0105)) == [])
            #expect(try made(.numbered(0x0106)) == [chain[6] + "/0x06"])
            try directory.remove(.numbered(0x0105), at: .zero)
            #expect(try made(.numbered(0x0105)) == [chain[7]], "it was removed, and made again")
            #expect(FileManager.default.fileExists(atPath: folder + chain[7]))
        }
    }

    @Test(arguments: ["bushy", "lawn"]) func objectsAreFoundAndRemoved(_ layout: String) async throws {
        try await withTemporaryDirectory { folder in
            try layout.write(toFile: folder + "/.layout", atomically: true, encoding: .utf8)
            let directory = try BlobDirectory(folder, isWritable: true)
            let other = ObjectID.numbered(7)
            let tids = [1, 2, 0x100].map { TransactionID(rawValue: $0) }
            for (oid, tid) in [(oid, tids[0]), (oid, tids[2]), (other, tids[1])] {
                try FileSystem.makeFolders(directory.folder(of: oid))
                try "blob".write(toFile: directory.file(of: oid, at: tid), atomically: true, encoding: .utf8)
            }
            try "?".write(toFile: directory.folder(of: other) + "/stray", atomically: true, encoding: .utf8)
            var found: [ObjectID: [TransactionID]] = [:]
            try directory.forEachObject { found[$0.oid] = $0.tids }
            #expect(found == [oid: [tids[0], tids[2]], other: [tids[1]]])

            try directory.remove(oid, at: tids[0])
            #expect(!directory.contains(oid, at: tids[0]) && directory.contains(oid, at: tids[2]))
            try directory.remove(oid, at: tids[2])
            try directory.remove(oid, at: tids[2])
            #expect(!FileManager.default.fileExists(atPath: directory.folder(of: oid)))
            try directory.removeAll(of: other, through: .max)
            #expect(try names(in: directory.folder(of: other)) == ["stray"], "what is not ours stays")
        }
    }
}
