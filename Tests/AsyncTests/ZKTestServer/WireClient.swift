//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix

@testable import ZKTestServer

/// A client that writes frames and reads them, and knows nothing else of ZooKeeper.
final class WireClient: Sendable {
    struct Ended: Error {}
    struct Silence: Error {}

    let channel: any Channel
    private let frames: NIOLoopBound<Frames>

    init(port: Int) async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.any()
        let frames = try await loop.submit { NIOLoopBound(Frames(), eventLoop: loop) }.get()
        self.frames = frames
        self.channel = try await ClientBootstrap(group: loop)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(frames.value)
                }
            }
            .connect(host: "127.0.0.1", port: port)
            .get()
    }

    /// Writes bytes as they are.
    func send(raw bytes: [UInt8]) async throws {
        try await self.channel.writeAndFlush(ByteBuffer(bytes: bytes)).get()
    }

    /// Writes a frame; its length goes in front.
    func send(_ build: (inout JuteWriter) -> Void) async throws {
        var writer = JuteWriter()
        build(&writer)
        try await self.channel.writeAndFlush(writer.frame).get()
    }

    /// The next frame, without its length; throws `Ended` when the server closes the connection before.
    func frame() async throws -> JuteReader {
        let frames = self.frames
        return JuteReader(try await self.channel.eventLoop.flatSubmit { frames.value.next() }.get())
    }

    /// Introduces itself; answers session id, password and time-out in milliseconds.
    @discardableResult
    func greet(
        session: Int64 = 0,
        password: [UInt8] = [UInt8](repeating: 0, count: 16),
        timeout: Int32 = 10_000
    ) async throws -> Welcome {
        try await self.send { writer in
            writer.int(0)
            writer.long(0)
            writer.int(timeout)
            writer.long(session)
            writer.bytes(password)
            writer.bool(false)
        }
        var reader = try await self.frame()
        _ = try reader.int()
        return Welcome(
            timeout: try reader.int(),
            sessionID: try reader.long(),
            password: try reader.bytes() ?? [],
            hasReadOnlyByte: try !reader.bool()
        )
    }

    /// Sends a request and reads the next frame as its reply: the error.
    @discardableResult
    func call(
        _ code: OperationCode,
        xid: Int32 = 1,
        _ body: (inout JuteWriter) -> Void = { _ in }
    ) async throws -> ZooKeeperCode? {
        try await self.send { writer in
            writer.int(xid)
            writer.int(code.rawValue)
            body(&writer)
        }
        var reader = try await self.frame()
        _ = try reader.int()
        _ = try reader.long()
        return ZooKeeperCode(rawValue: try reader.int())
    }

    /// Makes an ephemeral node.
    @discardableResult
    func createEphemeral(_ path: String, _ data: String = "") async throws -> ZooKeeperCode? {
        try await self.create(path, data, mode: 1)
    }

    @discardableResult
    func create(_ path: String, _ data: String = "", mode: Int32 = 0) async throws -> ZooKeeperCode? {
        try await self.call(.create) { writer in
            writer.string(path)
            writer.bytes(Array(data.utf8))
            writer.int(1)
            writer.int(31)
            writer.string("world")
            writer.string("anyone")
            writer.int(mode)
        }
    }

    func exists(_ path: String) async throws -> Bool {
        try await self.call(.exists) { writer in
            writer.string(path)
            writer.bool(false)
        } == .ok
    }

    /// Whether the server closes the connection (whatever it sends before).
    func waitForEnd() async throws {
        do {
            while true { _ = try await self.frame() }
        } catch is Ended {}
    }

    func close() async {
        try? await self.channel.close().get()
    }
}

/// Cuts what arrives into frames, and keeps them until somebody asks.
private final class Frames: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private var bytes = ByteBuffer()
    private var waiting: EventLoopPromise<ByteBuffer>?
    private var isOver = false
    private var loop: (any EventLoop)?

    func handlerAdded(context: ChannelHandlerContext) {
        self.loop = context.eventLoop
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.bytes.writeImmutableBuffer(self.unwrapInboundIn(data))
        self.serve()
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.isOver = true
        self.serve()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    func next() -> EventLoopFuture<ByteBuffer> {
        guard let loop = self.loop, self.waiting == nil else { preconditionFailure("one reader at a time") }
        let promise = loop.makePromise(of: ByteBuffer.self)
        self.waiting = promise
        // Waiting for a future cannot be cancelled: a server that says nothing must not hold up the tests for ever.
        let limit = loop.assumeIsolated().scheduleTask(in: .seconds(20)) {
            self.waiting = nil
            promise.fail(WireClient.Silence())
        }
        promise.futureResult.whenComplete { _ in limit.cancel() }
        self.serve()
        return promise.futureResult
    }

    private func serve() {
        guard let waiting = self.waiting else { return }
        if let frame = self.bytes.readLengthPrefixedSlice(as: Int32.self) {
            self.waiting = nil
            waiting.succeed(frame)
        } else if self.isOver {
            self.waiting = nil
            waiting.fail(WireClient.Ended())
        }
    }
}
