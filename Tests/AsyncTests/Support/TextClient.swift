//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix

/// A client that sends text and collects what comes back.
final class TextClient {
    let channel: any Channel
    private var chunks: AsyncStream<String>.AsyncIterator
    /// Everything that has come and was not waited for.
    private(set) var received = ""
    private(set) var hasEnded = false

    /// Connects to a port of this machine, or to a unix socket.
    init(port: Int = 0, path: String? = nil) async throws {
        let (stream, continuation) = AsyncStream.makeStream(of: String.self)
        let bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Collector(continuation: continuation))
                }
            }
        if let path {
            self.channel = try await bootstrap.connect(unixDomainSocketPath: path).get()
        } else {
            self.channel = try await bootstrap.connect(host: "127.0.0.1", port: port).get()
        }
        self.chunks = stream.makeAsyncIterator()
    }

    deinit {
        self.channel.close(promise: nil)
    }

    /// Sends a text, and everything up to the end of the answer.
    static func ask(_ text: String, port: Int = 0, path: String? = nil) async throws -> String {
        let client = try await TextClient(port: port, path: path)
        try await client.send(text)
        return await client.rest()
    }

    func send(_ text: String) async throws {
        try await self.channel.writeAndFlush(ByteBuffer(string: text)).get()
    }

    /// Says that nothing more will be sent.
    func endSending() async throws {
        try await self.channel.close(mode: .output).get()
    }

    /// What comes up to and including `end`; everything, where the connection ends before.
    func text(through end: String) async -> String {
        while true {
            if let range = self.received.firstRange(of: end) {
                let text = String(self.received[..<range.upperBound])
                self.received = String(self.received[range.upperBound...])
                return text
            }
            guard await self.read() else { return self.received }
        }
    }

    /// Everything that comes until the connection ends.
    func rest() async -> String {
        while await self.read() {}
        return self.received
    }

    private func read() async -> Bool {
        guard let chunk = await self.chunks.next(isolation: #isolation) else {
            self.hasEnded = true
            return false
        }
        self.received += chunk
        return true
    }

    private final class Collector: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let continuation: AsyncStream<String>.Continuation

        init(continuation: AsyncStream<String>.Continuation) {
            self.continuation = continuation
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            self.continuation.yield(String(buffer: self.unwrapInboundIn(data)))
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if case ChannelEvent.inputClosed = event { self.continuation.finish() }
            context.fireUserInboundEventTriggered(event)
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            self.continuation.finish()
        }

        func channelInactive(context: ChannelHandlerContext) {
            self.continuation.finish()
        }
    }
}
