//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import NIOEmbedded
import Testing
import ZEOProtocol
import ZODBFormat
import ZODBStorage

@testable import ZEOAsyncServer

/// The handler of a connection with real bytes, without a network.
@Suite(.timeLimit(.minutes(1)))
struct ServerConnectionHandlerTests {
    private func context(_ log: ServerLogLines = ServerLogLines()) async throws -> ServerContext {
        let served = ServedStorage(name: "1", storage: MappingStorage(), invalidationQueueSize: 100)
        try await served.open()
        return ServerContext(
            configuration: ZEOServerConfiguration(address: .hostname("127.0.0.1", port: 0)),
            storages: [served],
            logger: log.makeLogger()
        )
    }

    /// A channel behind the greeting and the registration.
    private func registered(_ context: ServerContext) async throws -> NIOAsyncTestingChannel {
        let channel = NIOAsyncTestingChannel()
        try await channel.testingEventLoop.executeInContext {
            try channel.pipeline.syncOperations.addHandler(ConnectionHandler(server: context))
        }
        try await channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1)).get()
        var bytes = ByteBuffer()
        Greeting.version5(.pickle).encode(into: &bytes)
        try WireFormat.pickle.encode(self.message(1, .register(storage: "1", isReadOnly: false)), into: &bytes)
        try await channel.writeInbound(bytes)
        #expect(try await self.bodies(channel).first == ByteBuffer(string: "Z5"))
        #expect(try await self.bodies(channel).count == 1)
        return channel
    }

    private func message(_ id: Int, _ call: ServerCall) -> ClientMessage {
        ClientMessage(id: .number(id), call: call)
    }

    /// The bodies of the frames in the next buffer that was written.
    private func bodies(_ channel: NIOAsyncTestingChannel) async throws -> [ByteBuffer] {
        guard var buffer = try await channel.readOutbound(as: ByteBuffer.self) else { return [] }
        var result: [ByteBuffer] = []
        while let body = buffer.readLengthPrefixedSlice(as: UInt32.self) { result.append(body) }
        #expect(buffer.readableBytes == 0)
        return result
    }

    @Test func aBurstOfCallsIsAnsweredInOneWrite() async throws {
        let channel = try await self.registered(try await self.context())
        var bytes = ByteBuffer()
        for id in 1...10 { try WireFormat.pickle.encode(self.message(id, .ping), into: &bytes) }
        try await channel.writeInbound(bytes)
        let bodies = try await self.bodies(channel)
        #expect(bodies.count == 10)
        for (index, body) in bodies.enumerated() {
            #expect(try WireFormat.pickle.decodeServerMessage(body) == .reply(.number(index + 1), .none))
        }
        #expect(try await channel.readOutbound(as: ByteBuffer.self) == nil)
        _ = try await channel.finish()
    }

    @Test func framesMayArriveByteByByte() async throws {
        let channel = try await self.registered(try await self.context())
        var bytes = ByteBuffer()
        try WireFormat.pickle.encode(self.message(5, .lastTransaction), into: &bytes)
        for byte in bytes.readableBytesView { try await channel.writeInbound(ByteBuffer(bytes: [byte])) }
        let body = try #require(try await self.bodies(channel).first)
        #expect(try WireFormat.pickle.decodeServerMessage(body) == .reply(.number(5), .tid(.zero)))
        _ = try await channel.finish()
    }

    @Test func keepAlivesAreNotAnswered() async throws {
        let channel = try await self.registered(try await self.context())
        for format in [WireFormat.pickle] {
            var bytes = ByteBuffer()
            try format.encode(.keepAlive, into: &bytes)
            try await channel.writeInbound(bytes)
        }
        #expect(try await channel.readOutbound(as: ByteBuffer.self) == nil)
        #expect(channel.isActive)
        _ = try await channel.finish()
    }

    @Test func anyIdentityIsRepeatedToTheLetter() async throws {
        let channel = try await self.registered(try await self.context())
        let ids: [MessageID] = [
            .number(0), .number(.max), .number(.min), .load(.root, .max), .other(.string("x")), .other(.none),
            .other(.tuple([.int(1), .tuple([]), .bytes(ByteBuffer(string: "bytes"))])), .other(.float(0.5)),
            .other(.bigInt([0, 0, 0, 0, 0, 0, 0, 0, 1])),
        ]
        for id in ids {
            var bytes = ByteBuffer()
            try WireFormat.pickle.encode(ClientMessage(id: id, call: .ping), into: &bytes)
            try await channel.writeInbound(bytes)
            let body = try #require(try await self.bodies(channel).first)
            #expect(try WireFormat.pickle.decodeServerMessage(body) == .reply(id, .none))
        }
        _ = try await channel.finish()
    }

    /// TLS waits for the client's last word, which may never come. Nobody else has to wait for it.
    @Test func theLockIsFreeOnceTheConnectionBeginsToClose() async throws {
        let log = ServerLogLines()
        let context = try await self.context(log)
        let channel = try await self.registered(context)
        try await channel.testingEventLoop.executeInContext {
            try channel.pipeline.syncOperations.addHandler(SlowToClose(), position: .first)
        }
        var bytes = ByteBuffer()
        let token = TransactionToken(1)
        try WireFormat.pickle.encode(.asynchronous(.begin(TransactionBeginning(token: token))), into: &bytes)
        try WireFormat.pickle.encode(self.message(2, .vote(token)), into: &bytes)
        try await channel.writeInbound(bytes)
        try await eventually("the client has the lock") {
            await channel.testingEventLoop.run()
            return try await self.bodies(channel).count == 1
        }
        bytes.clear()
        try WireFormat.pickle.encode(self.message(3, .other(method: "unheard_of", arguments: [])), into: &bytes)
        try await channel.writeInbound(bytes)
        #expect(channel.isActive)
        #expect(log.contains("disconnected during locked transaction"))
        guard case .prepared = try await context.storages[0].storage.vote(TransactionDraft(operations: [])) else {
            Issue.record("a conflict")
            return
        }
        _ = try await channel.finish()
        #expect(log.count(of: "disconnected") == 1)
    }

    @Test func callsBehindAFaultAreNotHeard() async throws {
        let log = ServerLogLines()
        let channel = try await self.registered(try await self.context(log))
        var bytes = ByteBuffer()
        try WireFormat.pickle.encode(self.message(1, .ping), into: &bytes)
        try WireFormat.pickle.encode(self.message(2, .other(method: "unheard_of", arguments: [])), into: &bytes)
        try WireFormat.pickle.encode(self.message(3, .ping), into: &bytes)
        try await channel.writeInbound(bytes)
        #expect(try await self.bodies(channel).count == 1)
        #expect(try await channel.readOutbound(as: ByteBuffer.self) == nil)
        #expect(!channel.isActive)
        #expect(log.contains("Invalid method, 'unheard_of'", at: .error))
    }
}

/// Does not pass the first close on.
private final class SlowToClose: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer

    private var isClosing = false

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        if self.isClosing { return context.close(mode: mode, promise: promise) }
        self.isClosing = true
    }
}
