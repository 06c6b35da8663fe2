//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix
import ZEOProtocol
import ZODBFormat

/// A client that speaks the protocol and nothing else, and notes everything in the order in which it came. For one task.
final class RawZEOClient {
    /// Something that the client came to know.
    enum Event: Hashable {
        /// It was told that somebody else's transaction changed objects.
        case invalidated(TransactionID, [ObjectID])
        /// Its own transaction was finished.
        case committed(TransactionID)
        /// An answer showed it a transaction.
        case shown(TransactionID)
        case info
    }

    struct Disconnected: Error {}

    let channel: any Channel
    let format: WireFormat
    private(set) var events: [Event] = []
    /// The beginnings and ends of blobs that came, and how long they were.
    private(set) var blobCalls: [ClientCall] = []
    private(set) var blobByteCount = 0
    private var messages: AsyncStream<ByteBuffer>.AsyncIterator
    private var lastID = 0
    private var replies: [MessageID: Reply] = [:]

    /// Connects and answers the greeting. A small `receiveBuffer` makes the network hold little for this client.
    init(port: Int, format: WireFormat = .pickle, receiveBuffer: Int32? = nil) async throws {
        let (stream, continuation) = AsyncStream.makeStream(of: ByteBuffer.self)
        var bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        if let receiveBuffer {
            bootstrap = bootstrap.channelOption(.socketOption(.so_rcvbuf), value: .init(receiveBuffer))
        }
        self.channel =
            try await bootstrap
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let decoder = ByteToMessageHandler(SizedFrameDecoder(limit: 1 << 28))
                    try channel.pipeline.syncOperations.addHandlers(decoder, Collector(continuation: continuation))
                }
            }
            .connect(host: "127.0.0.1", port: port).get()
        self.format = format
        self.messages = stream.makeAsyncIterator()
        guard let greeting = await self.nextBody() else { throw Disconnected() }
        _ = try Greeting(greeting)
        var answer = ByteBuffer()
        Greeting.version5(format).encode(into: &answer)
        try await self.channel.writeAndFlush(answer)
    }

    deinit {
        self.channel.close(promise: nil)
    }

    /// Connects and registers.
    static func registered(
        port: Int,
        format: WireFormat = .pickle,
        storage: String = "1",
        receiveBuffer: Int32? = nil
    ) async throws -> RawZEOClient {
        let client = try await RawZEOClient(port: port, format: format, receiveBuffer: receiveBuffer)
        let reply = try await client.call(.register(storage: storage, isReadOnly: false))
        client.events.append(.shown(try reply.transactionID() ?? .zero))
        return client
    }

    func close() async throws {
        try await self.channel.close()
    }

    private func nextBody() async -> ByteBuffer? {
        await self.messages.next(isolation: #isolation)
    }

    // MARK: Calls

    func send(_ messages: ClientMessage...) async throws {
        var buffer = ByteBuffer()
        for message in messages { try self.format.encode(message, into: &buffer) }
        try await self.channel.writeAndFlush(buffer)
    }

    /// Sends a call that wants an answer, and says under which identity.
    func begin(_ call: ServerCall) async throws -> MessageID {
        self.lastID += 1
        let id = MessageID.number(self.lastID)
        try await self.send(ClientMessage(id: id, call: call))
        return id
    }

    /// The answer to a call that was begun. Notes what comes before it.
    func reply(to id: MessageID) async throws -> Reply {
        while true {
            if let reply = self.replies.removeValue(forKey: id) { return reply }
            guard let body = await self.nextBody() else { throw Disconnected() }
            switch try self.format.decodeServerMessage(body) {
            case .reply(let id, let reply): self.replies[id] = reply
            case .call(.invalidateTransaction(let tid, let oids)): self.events.append(.invalidated(tid, oids))
            case .call(.info): self.events.append(.info)
            case .call(let call) where call.method.hasPrefix("receiveBlob"):
                if case .receiveBlobChunk(_, _, let chunk) = call {
                    self.blobByteCount += chunk.readableBytes
                } else {
                    self.blobCalls.append(call)
                }
            case .call: throw FormatError("test", "an unexpected call")
            }
        }
    }

    func call(_ call: ServerCall) async throws -> Reply {
        try await self.reply(to: try await self.begin(call))
    }

    /// Waits for the next message, which must be an invalidation.
    func nextInvalidation() async throws -> Event {
        guard let body = await self.nextBody() else { throw Disconnected() }
        guard case .call(.invalidateTransaction(let tid, let oids)) = try self.format.decodeServerMessage(body) else {
            throw FormatError("test", "no invalidation")
        }
        self.events.append(.invalidated(tid, oids))
        return .invalidated(tid, oids)
    }

    /// Waits until the server has closed the connection.
    func waitUntilClosed() async {
        while await self.nextBody() != nil {}
    }

    // MARK: Calls that show transactions

    func lastTransaction() async throws -> TransactionID {
        let tid = try await self.call(.lastTransaction).transactionID() ?? .zero
        self.events.append(.shown(tid))
        return tid
    }

    func load(_ oid: ObjectID, before tid: TransactionID = .max) async throws -> LoadedRevision? {
        let revision = try await self.call(.loadBefore(oid, tid)).loadedRevision()
        if let revision { self.events.append(.shown(max(revision.tid, revision.next ?? .zero))) }
        return revision
    }

    // MARK: Transactions

    /// Says what a transaction wants to store.
    func store(
        _ token: TransactionToken,
        _ records: [(oid: ObjectID, serial: TransactionID)],
        data: String = "data"
    ) async throws {
        try await self.send(.asynchronous(.begin(TransactionBeginning(token: token))))
        for (oid, serial) in records {
            let data = ByteBuffer(string: data)
            try await self.send(.asynchronous(.store(oid, serial: serial, data: data, token)))
        }
    }

    func finish(_ token: TransactionToken) async throws -> TransactionID {
        let reply = try await self.call(.finish(token))
        guard let tid = try reply.transactionID() else { throw FormatError("test", "nothing was finished") }
        self.events.append(.committed(tid))
        return tid
    }

    /// Commits a revision of one object.
    func commit(_ oid: ObjectID, over serial: TransactionID = .zero) async throws -> TransactionID {
        self.lastID += 1
        let token = TransactionToken(self.lastID)
        try await self.store(token, [(oid, serial)])
        guard try await self.call(.vote(token)).voteItems().isEmpty else { throw FormatError("test", "a conflict") }
        return try await self.finish(token)
    }
}

/// Hands over every frame.
private final class Collector: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let continuation: AsyncStream<ByteBuffer>.Continuation

    init(continuation: AsyncStream<ByteBuffer>.Continuation) {
        self.continuation = continuation
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.continuation.yield(self.unwrapInboundIn(data))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.continuation.finish()
    }
}
