//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOSSL
import NIOTLS

/// Stands behind the TLS handler until keys are agreed on, and only then lets the connection begin. Whoever fails
/// before has been no client: a line in the log, and the connection ends.
final class HandshakeHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer

    private let server: ServerContext
    private let faults: FaultLog
    private let timeout: Duration
    private var timer: Scheduled<Void>?
    private var isOver = false

    init(server: ServerContext, faults: FaultLog, timeout: Duration) {
        self.server = server
        self.faults = faults
        self.timeout = timeout
    }

    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { self.begin(context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        self.begin(context)
        context.fireChannelActive()
    }

    private func begin(_ context: ChannelHandlerContext) {
        guard self.timer == nil, !self.isOver else { return }
        let channel = context.channel
        guard self.server.shakesHands(channel, shutDown: { channel.close(mode: .all, promise: nil) }) else {
            self.isOver = true
            return context.close(promise: nil)
        }
        self.timer = context.eventLoop.assumeIsolated().scheduleTask(in: .init(self.timeout)) {
            self.fail(context, HandshakeFault.tookTooLong)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted? = event as? TLSUserEvent, !self.isOver {
            self.end()
            do {
                let operations = context.pipeline.syncOperations
                try operations.addHandler(ConnectionHandler(server: self.server), position: .after(self))
                operations.removeHandler(context: context, promise: nil)
            } catch {
                context.close(promise: nil)
            }
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard !self.isOver else { return context.fireErrorCaught(error) }
        let tls = try? context.pipeline.syncOperations.handler(type: NIOSSLServerHandler.self)
        self.fail(context, HandshakeFault.sentence(error, certificate: tls?.peerCertificate))
    }

    func channelInactive(context: ChannelHandlerContext) {
        if !self.isOver { self.fail(context, HandshakeFault.wentAway) }
        self.server.closed(context.channel)
        context.fireChannelInactive()
    }

    private func fail(_ context: ChannelHandlerContext, _ fault: String) {
        guard !self.isOver else { return }
        self.end()
        self.faults.tell(context.remoteAddress, "TLS handshake", fault)
        // The alert is on its way already; nothing is waited for.
        context.close(promise: nil)
    }

    private func end() {
        self.isOver = true
        self.timer?.cancel()
        self.timer = nil
    }
}
