//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1

/// One HTTP client: reads requests one after the other and answers each with a whole page.
///
/// Only GET and HEAD are answered; what a request carries besides its head is read and thrown away, up to a bound. A
/// client that says or takes nothing for a while is cut off by the idle handler in front of this one.
final class OperatorHTTPHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    /// The largest body that is thrown away, in bytes.
    static let maximumBody = 64 * 1024

    private let pages: @Sendable (_ path: String) async -> OperatorPage
    private var request: HTTPRequestHead?
    private var bodyLength = 0
    private var hasInputEnded = false
    private var context: ChannelHandlerContext?
    private var task: Task<Void, Never>?

    init(pages: @escaping @Sendable (_ path: String) async -> OperatorPage) {
        self.pages = pages
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        self.task?.cancel()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch self.unwrapInboundIn(data) {
        case .head(let head):
            self.request = head
            self.bodyLength = 0
        case .body(let bytes):
            self.bodyLength += bytes.readableBytes
            if self.bodyLength > Self.maximumBody { context.close(promise: nil) }
        case .end:
            if let request = self.request { self.answer(request, context) }
            self.request = nil
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is IdleStateHandler.IdleStateEvent { return context.close(promise: nil) }
        if case ChannelEvent.inputClosed = event {
            self.hasInputEnded = true
            if self.task == nil { return context.close(promise: nil) }
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func answer(_ request: HTTPRequestHead, _ context: ChannelHandlerContext) {
        guard request.method == .GET || request.method == .HEAD else {
            // Not at once: the next request comes while this one is answered, and so on, ever deeper in the stack.
            return context.eventLoop.assumeIsolated().execute { self.send(.methodNotAllowed, to: request) }
        }
        let path = String(request.uri.prefix { $0 != "?" && $0 != "#" })
        let pages = self.pages
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        self.task = Task {
            let page = await pages(path)
            bound.eventLoop.execute { bound.value.send(page, to: request) }
        }
    }

    private func send(_ page: OperatorPage, to request: HTTPRequestHead) {
        self.task = nil
        guard let context = self.context, context.channel.isActive else { return }
        let body = ByteBuffer(string: page.body)
        var head = HTTPResponseHead(version: request.version, status: page.status)
        head.headers.add(name: "Content-Type", value: page.contentType)
        head.headers.add(name: "Content-Length", value: String(body.readableBytes))
        head.headers.add(name: "Cache-Control", value: "no-store")
        head.headers.add(name: "X-Content-Type-Options", value: "nosniff")
        head.headers.add(name: "Content-Security-Policy", value: "default-src 'none'; style-src 'unsafe-inline'")
        if page.status == .methodNotAllowed { head.headers.add(name: "Allow", value: "GET, HEAD") }
        let isKept = request.isKeepAlive && !self.hasInputEnded
        head.headers.add(name: "Connection", value: isKept ? "keep-alive" : "close")
        context.write(self.wrapOutboundOut(.head(head)), promise: nil)
        if request.method != .HEAD { context.write(self.wrapOutboundOut(.body(.byteBuffer(body))), promise: nil) }
        context.writeAndFlush(self.wrapOutboundOut(.end(nil))).assumeIsolated().whenComplete { _ in
            if !isKept { context.close(promise: nil) }
        }
    }
}
