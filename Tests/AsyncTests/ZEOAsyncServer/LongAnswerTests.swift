//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing
import ZEOProtocol
import ZODBFormat
import ZODBStorage

@testable import ZEOAsyncServer

/// Answers that would be too long, and lists that end before that.
@Suite(.timeLimit(.minutes(1)))
struct LongAnswerTests {
    private static let oid = ObjectID(rawValue: 1)

    @Test(arguments: [WireFormat.pickle, .messagePack])
    func aCallWhoseAnswerWouldBeTooLongFails(format: WireFormat) async throws {
        try await withTemporaryDirectory { directory in
            let storage = try await FileStorage.open(FileStorageConfiguration(path: "\(directory)/Data.fs"))
            try await withZEOServer(of: [("1", storage)]) {
                $0.maximumAnswerSize = 2000
                $0.invalidationQueueSize = 1
                $0.invalidationAge = .seconds(1_000_000_000_000)
            } _: { running in
                let client = try await RawZEOClient.registered(port: running.port, format: format)
                var tid = TransactionID.zero
                for _ in 0..<40 { tid = try await client.commit(Self.oid, over: tid) }
                let token = TransactionToken(1000)
                let records = (2..<300).map { (oid: ObjectID(rawValue: $0), serial: TransactionID.zero) }
                try await client.store(
                    token,
                    records + [(oid: Self.oid, serial: tid)],
                    data: String(repeating: "x", count: 3000)
                )
                _ = try await client.call(.vote(token))
                let last = try await client.finish(token)
                _ = try await client.commit(ObjectID(rawValue: 1000))
                for call in [
                    ServerCall.loadBefore(Self.oid, .max), .loadSerial(Self.oid, last), .history(Self.oid, limit: 40),
                    .undoLog(first: 0, last: 40), .currentRecord(atOrAfter: Self.oid),
                    .getInvalidations(after: TransactionID(rawValue: 1)),
                ] {
                    let reply = try await client.call(call)
                    let error = #expect(throws: RemoteException.self, "\(call)") { try reply.plainValue() }
                    #expect(error?.description.contains("longer than the 2000 bytes") == true)
                }
                #expect(try await client.call(.history(Self.oid, limit: 2)).history().count == 2)
                #expect(try await client.call(.loadSerial(Self.oid, tid)).record() == ByteBuffer(string: "data"))
            }
            try await storage.close()
        }
    }

    /// A storage with `count` revisions of an object whose transactions all say the same of themselves.
    private func storage(_ count: Int, _ metadata: TransactionMetadata) async throws -> MappingStorage {
        let storage = MappingStorage()
        var serial = TransactionID.zero
        for _ in 0..<count {
            let operation = TransactionDraft.Operation.store(Self.oid, serial: serial, data: ByteBuffer(string: "data"))
            guard
                case .prepared(let vote) = try await storage.vote(
                    TransactionDraft(metadata: metadata, operations: [operation])
                )
            else { throw StorageError(.conflict, "a conflict") }
            serial = try await storage.finish(vote)
        }
        return storage
    }

    private func history(in storage: MappingStorage) async throws -> [HistoryEntry] {
        let walk = StorageWalk.history(Self.oid, limit: .max)
        guard case .reply(let reply) = try await walk.find(in: storage, asOf: .max) else { return [] }
        return try reply.history()
    }

    @Test func aListEndsWhereItWouldSayTooMuch() async throws {
        let metadata = TransactionMetadata(
            user: ByteBuffer(repeating: 1, count: 60_000),
            description: ByteBuffer(repeating: 2, count: 60_000)
        )
        let entries = try await self.history(in: try await self.storage(700, metadata))
        #expect(entries.count == StorageWalk.maximumMetadataSize / 120_000 + 1)
    }

    /// The pickle of what a transaction says about itself can name one text many times.
    @Test func aListEndsWhereItWouldSayTheSameTooOften() async throws {
        var pickle = ByteBuffer(bytes: [0x80, 3])
        pickle.writeString("}X\u{1}\0\0\0k](X")
        pickle.writeInteger(UInt32(60_000), endianness: .little)
        pickle.writeRepeatingByte(UInt8(ascii: "x"), count: 60_000)
        pickle.writeString("q\0" + String(repeating: "h\0", count: 6) + "es.")
        let items = [PickleItem](extensionPickle: pickle)
        #expect(items.first?.value.plainSize == 1 + 7 * 60_001)
        let entries = try await self.history(
            in: try await self.storage(300, TransactionMetadata(extensionData: pickle))
        )
        #expect(entries.count == StorageWalk.maximumMetadataSize / (7 * 60_001 + 3) + 1)
    }
}
