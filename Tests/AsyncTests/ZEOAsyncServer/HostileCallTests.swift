//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging
import NIOCore
import Testing
import ZEOAsyncServer
import ZEOProtocol
import ZODBFormat
import ZODBStorage

/// What clients must not do with blobs, walks and packs, and what becomes of the others meanwhile.
@Suite(.timeLimit(.minutes(1)))
struct HostileCallTests {
    private static let oid = ObjectID(rawValue: 1)
    private static let data = ByteBuffer(string: "data")
    private static let token = TransactionToken(1)

    /// Serves a data file with blobs, with a client that must not be harmed.
    private func serve(
        _ configure: (inout ZEOServerConfiguration) -> Void = { _ in },
        _ body: (ZEOServerUnderTest, _ directory: String) async throws -> Void
    ) async throws {
        try await withTemporaryDirectory { directory in
            var configuration = FileStorageConfiguration(path: "\(directory)/Data.fs")
            configuration.blobDirectory = "\(directory)/blobs"
            let storage = try await FileStorage.open(configuration)
            try await withZEOServer(of: [("1", storage)], configure) { running in
                let witness = try await RawZEOClient.registered(port: running.port)
                try await body(running, directory)
                _ = try await witness.commit(ObjectID(rawValue: 77))
                try await eventually("nothing is left of uncommitted blobs") {
                    try FileManager.default.contentsOfDirectory(atPath: "\(directory)/blobs/tmp") == []
                }
            }
            try await storage.close()
        }
    }

    private func begin() -> ClientMessage { .asynchronous(.begin(TransactionBeginning(token: Self.token))) }

    private func blobEnd(_ oid: ObjectID = Self.oid, serial: TransactionID = .zero) -> ClientMessage {
        .asynchronous(.storeBlobEnd(oid, serial: serial, data: Self.data, Self.token))
    }

    @Test func blobsOutOfOrderEndTheConnection() async throws {
        try await self.serve { running, _ in
            let start = ClientMessage.asynchronous(.storeBlobStart)
            let chunk = ClientMessage.asynchronous(.storeBlobChunk(Self.data))
            for messages in [
                [chunk], [self.begin(), self.blobEnd()], [start, start], [start, chunk, self.blobEnd()],
                [self.begin(), start, chunk, self.blobEnd(), chunk],
            ] {
                let client = try await RawZEOClient.registered(port: running.port)
                for message in messages { try await client.send(message) }
                await client.waitUntilClosed()
            }
        }
    }

    /// What a client sends of its next blob while a transaction is being finished belongs to the next one.
    @Test func blobsBehindAFinishBelongToTheNextTransaction() async throws {
        try await self.serve { running, _ in
            let client = try await RawZEOClient.registered(port: running.port)
            try await client.store(TransactionToken(7), [(ObjectID(rawValue: 2), .zero)])
            _ = try await client.call(.vote(TransactionToken(7)))
            let chunk = ClientMessage.asynchronous(.storeBlobChunk(Self.data))
            // In one piece, so that all of it arrives before anything can be finished.
            try await client.send(
                ClientMessage(id: .number(100), call: .finish(TransactionToken(7))),
                self.begin(),
                .asynchronous(.storeBlobStart),
                chunk,
                chunk,
                self.blobEnd(),
                ClientMessage(id: .number(101), call: .vote(Self.token))
            )
            #expect(try await client.reply(to: .number(100)).transactionID() != nil)
            #expect(try await client.reply(to: .number(101)).voteItems().isEmpty)
            let tid = try await client.finish(Self.token)
            #expect(try await client.call(.sendBlob(Self.oid, tid)).plainValue() == .none)
            #expect(client.blobByteCount == 2 * Self.data.readableBytes)
        }
    }

    @Test func uncommittedBlobsGoWithTheirClient() async throws {
        try await self.serve { running, directory in
            let client = try await RawZEOClient.registered(port: running.port)
            try await client.send(
                self.begin(),
                .asynchronous(.storeBlobStart),
                .asynchronous(.storeBlobChunk(Self.data))
            )
            try await client.send(self.blobEnd(), .asynchronous(.storeBlobStart))
            try await client.send(.asynchronous(.storeBlobChunk(Self.data)))
            try await eventually("two files are there") {
                try FileManager.default.contentsOfDirectory(atPath: "\(directory)/blobs/tmp").count == 2
            }
            _ = try await client.call(.vote(Self.token))
            try await client.close()
        }
    }

    @Test func blobsHaveABound() async throws {
        try await self.serve {
            $0.maximumUncommittedBlobSize = 100_000
        } _: { running, _ in
            let client = try await RawZEOClient.registered(port: running.port)
            let chunk = ByteBuffer(repeating: 1, count: 60_000)
            try await client.send(self.begin(), .asynchronous(.storeBlobStart))
            try await client.send(.asynchronous(.storeBlobChunk(chunk)), .asynchronous(.storeBlobChunk(chunk)))
            await client.waitUntilClosed()
            #expect(running.log.contains("bytes of blobs", at: .error))
        }
    }

    @Test(arguments: ["../../Data.fs", "/etc/passwd", "x/y.tmp", "x.blob", ".tmp/..", "x\0.tmp", "", "tmp"])
    func namesOfSharedBlobsLeadNowhere(name: String) async throws {
        try await self.serve { running, _ in
            let client = try await RawZEOClient.registered(port: running.port)
            try await client.send(
                self.begin(),
                .asynchronous(
                    .storeBlobShared(Self.oid, serial: .zero, data: Self.data, filename: name, Self.token)
                )
            )
            await client.waitUntilClosed()
            #expect(running.log.contains("under attack", at: .critical))
        }
    }

    @Test func sharedBlobsThatAreNotThereFailTheVote() async throws {
        try await self.serve { running, _ in
            let client = try await RawZEOClient.registered(port: running.port)
            try await client.send(
                self.begin(),
                .asynchronous(
                    .storeBlobShared(Self.oid, serial: .zero, data: Self.data, filename: "x.tmp", Self.token)
                )
            )
            let reply = try await client.call(.vote(Self.token))
            #expect(throws: RemoteException.self) { try reply.plainValue() }
        }
    }

    /// A client that reads slowly gets a blob of any size, and what waits for it is bounded all the while.
    @Test(arguments: [WireFormat.pickle, .messagePack])
    func blobsWaitForSlowReaders(format: WireFormat) async throws {
        try await self.serve {
            // A blob that was written faster than it is read would be cut off.
            $0.maximumUnsentSize = 600_000
        } _: { running, _ in
            let writer = try await RawZEOClient.registered(port: running.port)
            let chunk = ByteBuffer(repeating: 7, count: 1_000_000)
            try await writer.send(self.begin(), .asynchronous(.storeBlobStart))
            for _ in 0..<20 { try await writer.send(.asynchronous(.storeBlobChunk(chunk))) }
            try await writer.send(self.blobEnd())
            #expect(try await writer.call(.vote(Self.token)).voteItems().isEmpty)
            let tid = try await writer.finish(Self.token)

            let reader = try await RawZEOClient.registered(port: running.port, format: format, receiveBuffer: 4096)
            let blob = try await reader.begin(.sendBlob(Self.oid, tid))
            // Nobody else waits for the slow one, nor does the slow one's other call come to nothing.
            _ = try await writer.commit(ObjectID(rawValue: 2))
            let other = try await reader.begin(.getTid(Self.oid))
            #expect(try await reader.reply(to: blob).plainValue() == .none)
            #expect(try await reader.reply(to: other).transactionID() == tid)
            #expect(reader.blobByteCount == 20_000_000)
            #expect(reader.blobCalls.first == .receiveBlobStart(Self.oid, tid))
            #expect(reader.blobCalls.last == .receiveBlobStop(Self.oid, tid))
        }
    }

    @Test func oddArgumentsAreAnsweredWithErrors() async throws {
        try await self.serve { running, _ in
            let client = try await RawZEOClient.registered(port: running.port)
            let huge = PickleValue.bigInt([UInt8](repeating: 0x7f, count: 40))
            for (method, arguments) in [
                ("history", [.none, 1]), ("history", [huge, 1]), ("history", [.identifier(Self.oid), huge]),
                ("undoLog", [0, huge]), ("undoLog", ["a", "b"]), ("undoLog", []), ("undoInfo", [0, -20, 7]),
                ("pack", [.none]), ("pack", [.float(.nan), true]), ("pack", [huge, true]),
                ("record_iternext", ["x"]), ("record_iternext", [1]), ("iterator_start", [1, 2]),
                ("iterator_next", [huge]), ("iterator_next", [.int(.min)]), ("iterator_record_start", [0, 0]),
                ("iterator_record_next", [.int(.max)]), ("sendBlob", [.none, .none]),
                ("sendBlob", [.identifier(Self.oid), .identifier(TransactionID.max)]),
            ] as [(String, [PickleValue])] {
                let reply = try await client.call(.other(method: method, arguments: arguments))
                #expect(throws: RemoteException.self, "\(method)\(arguments)") { try reply.plainValue() }
            }
            #expect(try await client.call(.undoLog(first: .min, last: .max)).undoable().isEmpty)
            #expect(try await client.call(.undoLog(first: .max, last: .min)).undoable().isEmpty)
        }
    }

    @Test func walksEndWithTheirConnection() async throws {
        try await self.serve { running, _ in
            let client = try await RawZEOClient.registered(port: running.port)
            _ = try await client.commit(Self.oid)
            let walk = try await client.call(.iteratorStart(from: nil, through: nil)).walk()
            let entry = try await client.call(.iteratorNext(walk)).transaction()
            #expect(entry?.status == " ")
            try await client.close()
            let other = try await RawZEOClient.registered(port: running.port)
            let reply = try await other.call(.iteratorNext(walk))
            #expect(throws: RemoteException.self) { try reply.plainValue() }
        }
    }

    /// Many walking calls at once are answered in their order.
    @Test func manyWalksAreAnswered() async throws {
        try await self.serve { running, _ in
            let client = try await RawZEOClient.registered(port: running.port)
            var serial = TransactionID.zero
            for _ in 0..<3 { serial = try await client.commit(Self.oid, over: serial) }
            var ids: [MessageID] = []
            for _ in 0..<200 { ids.append(try await client.begin(.history(Self.oid, limit: 2))) }
            for id in ids { #expect(try await client.reply(to: id).history().first?.tid == serial) }
            let walk = try await client.call(.iteratorStart(from: nil, through: nil)).walk()
            ids = []
            for _ in 0..<4 { ids.append(try await client.begin(.iteratorNext(walk))) }
            var tids: [TransactionID] = []
            for id in ids { if let entry = try await client.reply(to: id).transaction() { tids.append(entry.tid) } }
            #expect(tids.count == 3 && tids == tids.sorted() && tids.last == serial)
        }
    }
}
