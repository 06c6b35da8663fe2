//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import Synchronization
import Testing
import ZEOProtocol
import ZODBFormat
import ZODBStorage

@testable import ZKZEOAsync

/// What our client does with the pieces of a blob, whatever the server says.
@Suite(.timeLimit(.minutes(1))) struct BlobDownloadTests {
    private static let oid = ObjectID(rawValue: 7)
    private static let tid = TransactionID(rawValue: 5)

    private static func pieces(_ text: String, _ id: MessageID) -> [ScriptedServer.Said] {
        var said: [ScriptedServer.Said] = [.message(.call(.receiveBlobStart(Self.oid, Self.tid)))]
        for character in text {
            let piece = ByteBuffer(string: String(character))
            said.append(.message(.call(.receiveBlobChunk(Self.oid, Self.tid, piece))))
        }
        said.append(.message(.call(.receiveBlobStop(Self.oid, Self.tid))))
        said.append(.message(.reply(id, .none)))
        return said
    }

    @Test func manyWhoWaitForOneBlobCostOneDownload() async throws {
        try await withTemporaryDirectory { folder in
            let asked = Mutex(0)
            let server = try await ScriptedServer { heard in
                guard case .call(let id, .sendBlob) = heard else { return ScriptedServer.soundly(heard) }
                asked.withLock { $0 += 1 }
                return Self.pieces("hello", id)
            }
            let storage = try await ClientBlobTests.open(server.address, folder + "/cache")
            let texts = try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<50 { group.addTask { try await storage.blobText(Self.oid, Self.tid) } }
                return try await group.reduce(into: Set<String>()) { $0.insert($1) }
            }
            #expect(texts == ["hello"])
            #expect(asked.withLock { $0 } == 1)
            try await storage.close()
            try await server.stop()
        }
    }

    @Test func whoeverWaitsAfterOneWhoGaveUpGetsTheWholeBlob() async throws {
        try await withTemporaryDirectory { folder in
            let calls = Mutex<[MessageID]>([])
            let server = try await ScriptedServer { heard in
                guard case .call(let id, .sendBlob) = heard else { return ScriptedServer.soundly(heard) }
                let first = calls.withLock { calls in
                    calls.append(id)
                    return calls.count == 1 ? nil : calls[0]
                }
                // The first one gets half, and the rest only when another one asks for the same.
                guard let first else { return Array(Self.pieces("half whole", id).prefix(5)) }
                return Array(Self.pieces("half whole", first).suffix(8)) + Self.pieces("another", id)
            }
            let storage = try await ClientBlobTests.open(server.address, folder + "/cache")
            let impatient = Task { try await storage.blobText(Self.oid, Self.tid) }
            try await eventually("the server is asked") { calls.withLock { !$0.isEmpty } }
            impatient.cancel()
            await #expect(throws: CancellationError.self) { _ = try await impatient.value }
            #expect(try await storage.blobText(Self.oid, Self.tid) == "another")
            #expect(storage.isConnected)
            try await eventually("half a file is gone") { try names(in: folder + "/cache/tmp").isEmpty }
            try await storage.close()
            try await server.stop()
        }
    }

    @Test func aBlobThatNobodyAskedForEndsTheConnection() async throws {
        try await withTemporaryDirectory { folder in
            let server = try await ScriptedServer { heard in
                guard case .call(_, .loadSerial) = heard else { return ScriptedServer.soundly(heard) }
                return [.message(.call(.receiveBlobChunk(Self.oid, Self.tid, ByteBuffer(string: "x"))))]
            }
            let storage = try await ClientBlobTests.open(server.address, folder + "/cache")
            let error = await #expect(throws: StorageError.self) { try await storage.load(Self.oid, at: Self.tid) }
            #expect(error?.code == .disconnected)
            try await storage.close()
            try await server.stop()
        }
    }

    @Test func anErrorAndALostConnectionLeaveNothing() async throws {
        try await withTemporaryDirectory { folder in
            let asked = Mutex(0)
            let server = try await ScriptedServer { heard in
                guard case .call(let id, .sendBlob) = heard else { return ScriptedServer.soundly(heard) }
                let count = asked.withLock { asked in
                    asked += 1
                    return asked
                }
                if count == 1 { return [.message(.reply(id, .exception(.posKeyError(Self.oid))))] }
                return Array(Self.pieces("hello", id).prefix(3)) + [ScriptedServer.Said.end]
            }
            let storage = try await ClientBlobTests.open(server.address, folder + "/cache")
            for code in [StorageError.Code.noSuchObject, .disconnected] {
                let error = await #expect(throws: StorageError.self) {
                    try await storage.blob(of: Self.oid, at: Self.tid)
                }
                #expect(error?.code == code)
            }
            try await eventually("half a file is gone") { try names(in: folder + "/cache/tmp").isEmpty }
            try await storage.close()
            try await server.stop()
        }
    }
}
