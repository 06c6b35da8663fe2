//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import Testing
import ZODBFormat
import ZODBStorage

@testable import ZODB

/// Blobs as objects of a database.
@Suite(.timeLimit(.minutes(1))) struct BlobObjectTests {
    private func withDatabase(_ body: (Database, String) async throws -> Void) async throws {
        try await withTemporaryDirectory { folder in
            var configuration = FileStorageConfiguration(path: folder + "/Data.fs")
            configuration.blobDirectory = folder + "/blobs"
            let database = try await Database.open(try await FileStorage.open(configuration))
            try await body(database, folder)
            await database.close()
        }
    }

    /// So many pieces, each made when it is asked for.
    private struct Pieces: AsyncSequence, AsyncIteratorProtocol {
        let count: Int
        let size: Int
        var number = 0

        func makeAsyncIterator() -> Pieces { self }

        mutating func next(isolation: isolated (any Actor)?) async throws -> ByteBuffer? {
            defer { self.number += 1 }
            guard self.number < self.count else { return nil }
            return ByteBuffer(repeating: UInt8(truncatingIfNeeded: self.number), count: self.size)
        }
    }

    private static func text(_ blob: Blob) async throws -> String {
        String(buffer: try await blob.contents().collect(upTo: 1000))
    }

    @Test func aBlobIsWrittenAndReadPieceByPiece() async throws {
        // The environment makes it as long as one likes: the memory stays the same.
        let megabytes = ProcessInfo.processInfo.environment["ZKZEO_BLOB_MEGABYTES"].flatMap { Int($0) } ?? 8
        try await self.withDatabase { database, folder in
            try await database.transaction { root in
                let blob = try root.newBlob()
                try await blob.write(Pieces(count: megabytes, size: 1 << 20))
                root["blob"] = .object(blob)
            }
            let size = try await database.read { root in
                let contents = try await #require(try await root.blob("blob")).contents()
                var (number, rest) = (0, 0)
                for try await piece in contents {
                    #expect(piece.readableBytes <= contents.pieceSize)
                    let expected = UInt8(truncatingIfNeeded: number / (1 << 20))
                    if piece != ByteBuffer(repeating: expected, count: piece.readableBytes) { rest += 1 }
                    number += piece.readableBytes
                }
                #expect(rest == 0)
                #expect(try await contents.read(at: (1 << 20) - 1, count: 2) == ByteBuffer(bytes: [0, 1]))
                return number
            }
            #expect(size == megabytes << 20)
            let staged = try FileManager.default.contentsOfDirectory(atPath: folder + "/blobs/tmp")
            #expect(staged.filter { $0.hasSuffix(".tmp") }.isEmpty)
        }
    }

    @Test func changesAreSeenByOthersWhenTheyAreCommittedOnly() async throws {
        try await self.withDatabase { database, folder in
            let connection = database.connection()
            let blob = try connection.newBlob()
            #expect(try await Self.text(blob) == "")
            try await blob.write(ByteBuffer(string: "one"))
            try await connection.transaction { $0["blob"] = .object(blob) }
            #expect(try await Self.text(blob) == "one")
            let before = try await blob.contents()
            let other = database.connection()
            let same = try #require(try await other.root().blob("blob"))
            try await blob.write(ByteBuffer(string: "two"))
            #expect(blob.isChanged)
            #expect(try await Self.text(blob) == "two")
            #expect(try await Self.text(same) == "one")
            await connection.abort()
            #expect(try await Self.text(blob) == "one")
            try await blob.append(Pieces(count: 1, size: 1).map { _ in ByteBuffer(string: " more") })
            try await connection.commit()
            #expect(try await Self.text(same) == "one")
            try await other.begin()
            #expect(try await Self.text(same) == "one more")
            #expect(String(buffer: try await before.collect(upTo: 10)) == "one")
            let error = await #expect(throws: StorageError.self) { try await before.collect(upTo: 2) }
            #expect(error?.code == .tooLarge)
            try Data("a file".utf8).write(to: URL(fileURLWithPath: folder + "/a"))
            try await same.write(contentsOfFile: folder + "/a")
            try await other.commit()
            try await connection.begin()
            #expect(try await Self.text(blob) == "a file")
        }
    }

    @Test func savepointsKeepTheContentsOfBlobs() async throws {
        try await self.withDatabase { database, _ in
            try await database.transaction { root in
                let connection = try #require(root.connection)
                let blob = try connection.newBlob()
                root["blob"] = .object(blob)
                try await blob.write(ByteBuffer(string: "one"))
                let first = try await connection.savepoint()
                try await blob.write(ByteBuffer(string: "two"))
                let second = try await connection.savepoint()
                try await blob.write(ByteBuffer(string: "three"))
                try await connection.rollBack(to: second)
                #expect(try await Self.text(blob) == "two")
                try await connection.rollBack(to: first)
                #expect(try await Self.text(blob) == "one")
            }
            #expect(try await database.read { try await Self.text(#require(try await $0.blob("blob"))) } == "one")
        }
    }

    @Test func aConflictRunsTheTransactionWithItsBlobsAgain() async throws {
        try await self.withDatabase { database, _ in
            try await database.transaction { $0["n"] = 0 }
            let other = database.connection()
            var runs = 0
            try await database.connection().transaction { root in
                runs += 1
                let blob = try root.newBlob()
                try await blob.write(ByteBuffer(string: "run \(runs)"))
                root["blob"] = .object(blob)
                if runs == 1 { try await other.transaction { $0["n"] = 1 } }
            }
            #expect(try await database.read { try await Self.text(#require(try await $0.blob("blob"))) } == "run 2")
        }
    }

    @Test func aStorageWithoutBlobsRefusesThem() async throws {
        let connection = try await Database.open(MappingStorage()).connection()
        let error = #expect(throws: StorageError.self) { try connection.newBlob() }
        #expect(error?.code == .unsupported)
    }
}
