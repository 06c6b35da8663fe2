//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix

/// A TCP proxy on the loopback interface whose connections a test can cut: what is behind it seems to fail and to come back.
///
/// Invariant: `wiring` is touched on `loop` alone.
final class TCPProxy: Sendable {
    let port: Int
    private let loop: any EventLoop
    private let wiring: NIOLoopBound<Wiring>

    var connectionString: String { "127.0.0.1:\(self.port)" }

    /// Starts a proxy to a port of this machine.
    init(to target: Int) async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.any()
        let wiring = try await loop.submit { NIOLoopBound(Wiring(), eventLoop: loop) }.get()
        let listener = try await ServerBootstrap(group: loop, childGroup: loop)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.autoRead, value: false)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { client in
                guard wiring.value.isOpen else { return client.close() }
                wiring.value.channels.append(client)
                return ClientBootstrap(group: loop)
                    .channelOption(.autoRead, value: false)
                    .channelOption(.tcpOption(.tcp_nodelay), value: 1)
                    .connect(host: "127.0.0.1", port: target)
                    .flatMapThrowing { server in
                        wiring.value.channels.append(server)
                        try client.pipeline.syncOperations.addHandler(Relay(to: server))
                        try server.pipeline.syncOperations.addHandler(Relay(to: client))
                    }
            }
            .bind(host: "127.0.0.1", port: 0)
            .get()
        try await loop.submit { wiring.value.listener = listener }.get()
        self.loop = loop
        self.wiring = wiring
        self.port = listener.localAddress?.port ?? 0
    }

    /// Cuts every connection; `forGood` also those that are made from now on, as soon as they are made, until `heal()`.
    func cut(forGood: Bool) async throws {
        try await self.onLoop { wiring in
            wiring.isOpen = !forGood
            return wiring.closeAll()
        }
    }

    /// Lets connections be made again.
    func heal() async throws {
        try await self.onLoop { wiring in
            wiring.isOpen = true
            return []
        }
    }

    /// Ends the proxy and its connections.
    func close() async throws {
        try await self.onLoop { wiring in
            let listener = wiring.listener
            listener?.close(promise: nil)
            return wiring.closeAll() + (listener.map { [$0.closeFuture] } ?? [])
        }
    }

    private func onLoop(_ body: @escaping @Sendable (Wiring) -> [EventLoopFuture<Void>]) async throws {
        try await self.loop.flatSubmit { [wiring, loop] in
            EventLoopFuture.andAllComplete(body(wiring.value), on: loop)
        }.get()
    }
}

private final class Wiring {
    var listener: (any Channel)?
    var channels: [any Channel] = []
    var isOpen = true

    func closeAll() -> [EventLoopFuture<Void>] {
        let open = self.channels
        self.channels = []
        for channel in open { channel.close(promise: nil) }
        return open.map(\.closeFuture)
    }
}

/// Passes what comes in on one channel out on another, and closes that one when this one closes.
private final class Relay: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let partner: any Channel

    init(to partner: any Channel) {
        self.partner = partner
    }

    func handlerAdded(context: ChannelHandlerContext) {
        context.channel.setOption(.autoRead, value: true).whenFailure { _ in }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.partner.writeAndFlush(self.unwrapInboundIn(data), promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.partner.close(promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
