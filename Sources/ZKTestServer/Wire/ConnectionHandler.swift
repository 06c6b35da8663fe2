//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore

/// One client's connection: frames in, frames out.
///
/// It lives on the server's event loop, and every field is touched there alone. A peer that sends nonsense loses this connection and nothing
/// else; one that does not read is not read from either, so that answers do not pile up.
final class ConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum State {
        case greeting
        case serving
        /// Nothing that arrives is looked at any more.
        case closing
    }

    private enum Held {
        case frame(ByteBuffer)
        case close
    }

    let id: Int
    private let server: LoopServer
    private var state = State.greeting
    private var decoder = FrameDecoder()
    /// What has arrived and was not looked at yet: less than a frame, or what waits until the peer reads.
    private var unread = ByteBuffer()
    private var isDraining = false
    private var context: ChannelHandlerContext?
    private var isReading = false
    private var needsFlush = false
    /// What goes out later, because replies are being delayed.
    private var held: CircularBuffer<(due: NIODeadline, item: Held)> = []
    private(set) var received = 0
    private(set) var sent = 0
    /// The peer's address, without a port.
    private(set) var address = ""
    private(set) var addressWithPort = ""

    init(id: Int, server: LoopServer) {
        self.id = id
        self.server = server
    }

    // MARK: From the channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        self.address = context.remoteAddress?.ipAddress ?? ""
        self.addressWithPort = "\(self.address):\(context.remoteAddress?.port ?? 0)"
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.state = .closing
        self.context = nil
        self.held.removeAll()
        self.server.disconnected(self)
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .closing = self.state { return }
        self.isReading = true
        let bytes = self.unwrapInboundIn(data)
        if self.unread.readableBytes == 0 {
            self.unread = bytes
        } else {
            self.unread.discardReadBytes()
            self.unread.writeImmutableBuffer(bytes)
        }
        self.drain(context)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        self.isReading = false
        self.flush()
        context.fireChannelReadComplete()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        context.channel.setOption(.autoRead, value: context.channel.isWritable).whenFailure { _ in }
        self.drain(context)
        self.flush()
        context.fireChannelWritabilityChanged()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    /// Takes frame after frame, as long as the peer takes the answers: a few bytes can ask for a great many.
    private func drain(_ context: ChannelHandlerContext) {
        // Flushing may say at once that there is room again.
        guard !self.isDraining else { return }
        self.isDraining = true
        defer { self.isDraining = false }
        do {
            while true {
                while context.channel.isWritable, let message = try self.next() { try self.received(message) }
                if context.channel.isWritable { return }
                self.needsFlush = false
                context.flush()
                if !context.channel.isWritable { return }
            }
        } catch {
            self.server.logger.debug(
                "A client sent bytes that make no sense",
                metadata: ["zk.client": "\(self.addressWithPort)", "error": "\(error)"]
            )
            self.close()
        }
    }

    private func next() throws -> FrameDecoder.Message? {
        if case .closing = self.state { return nil }
        return try self.decoder.decode(buffer: &self.unread)
    }

    private func received(_ message: FrameDecoder.Message) throws {
        switch (self.state, message) {
        case (.closing, _): break
        case (_, .word(let word)):
            self.received += 1
            self.state = .closing
            self.enqueue(.frame(ByteBuffer(string: self.server.answer(to: word))))
            self.enqueue(.close)
        case (.greeting, .frame(let frame)):
            self.received += 1
            self.state = .serving
            self.server.greeted(try Greeting(frame: frame), by: self)
        case (.serving, .frame(let frame)):
            self.received += 1
            self.server.received(try Request(frame: frame), from: self)
        }
    }

    // MARK: From the server

    func send(_ outgoing: Outgoing) {
        self.enqueue(.frame(outgoing.frame))
    }

    /// Closes the connection after what was sent before.
    func close() {
        self.state = .closing
        self.enqueue(.close)
    }

    /// Sends what was written, unless more is about to be.
    func flush() {
        guard self.needsFlush, !self.isReading else { return }
        self.needsFlush = false
        self.context?.flush()
    }

    private func enqueue(_ item: Held) {
        guard self.server.delay > .zero || !self.held.isEmpty else { return self.perform(item) }
        self.held.append((.now() + self.server.delay, item))
        if self.held.count == 1 { self.scheduleHeld() }
    }

    private func scheduleHeld() {
        guard let due = self.held.first?.due, let context = self.context else { return }
        context.eventLoop.assumeIsolated().scheduleTask(deadline: due) {
            while let first = self.held.first, first.due <= .now() {
                self.held.removeFirst()
                self.perform(first.item)
            }
            self.flush()
            self.scheduleHeld()
        }
    }

    private func perform(_ item: Held) {
        guard let context = self.context else { return }
        switch item {
        case .frame(let frame):
            self.sent += 1
            self.needsFlush = true
            context.write(self.wrapOutboundOut(frame), promise: nil)
        case .close:
            // An empty write stands behind all others; who does not read what we wrote is not waited for.
            let channel = context.channel
            let written = context.eventLoop.makePromise(of: Void.self)
            written.futureResult.whenComplete { _ in channel.close(promise: nil) }
            context.writeAndFlush(self.wrapOutboundOut(ByteBuffer()), promise: written)
            self.needsFlush = false
            context.eventLoop.scheduleTask(in: .seconds(1)) { channel.close(promise: nil) }
        }
    }
}
