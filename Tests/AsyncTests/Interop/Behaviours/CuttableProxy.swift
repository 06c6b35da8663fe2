//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix
import Synchronization

/// A TCP proxy on a port of its own, whose connections can be cut.
///
/// One `Mutex` guards the connections and whether more are let through.
final class CuttableProxy: Sendable {
    private struct State {
        var isOpen = true
        var connections: [ObjectIdentifier: any Channel] = [:]
    }

    let port: Int
    private let listener: any Channel
    private let state: Mutex<State>

    private init(listener: any Channel, port: Int, state: consuming State) {
        self.listener = listener
        self.port = port
        self.state = Mutex(state)
    }

    /// Starts a proxy for a port of the loopback interface.
    static func start(to target: Int) async throws -> CuttableProxy {
        let hook = Hook()
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.autoRead, value: false)
            .childChannelInitializer { client in
                guard let proxy = hook.proxy, proxy.admit(client) else {
                    return client.eventLoop.makeFailedFuture(ChannelError.connectPending)
                }
                return ClientBootstrap(group: client.eventLoop).channelInitializer { server in
                    server.eventLoop.makeCompletedFuture {
                        try server.pipeline.syncOperations.addHandler(Pipe(to: client))
                        try client.pipeline.syncOperations.addHandler(Pipe(to: server))
                    }
                }.connect(host: "127.0.0.1", port: target).flatMap { _ in
                    client.setOption(.autoRead, value: true)
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let proxy = CuttableProxy(listener: listener, port: listener.localAddress?.port ?? 0, state: State())
        hook.set(proxy)
        return proxy
    }

    private func admit(_ client: any Channel) -> Bool {
        let admitted = self.state.withLock { state in
            if state.isOpen { state.connections[ObjectIdentifier(client)] = client }
            return state.isOpen
        }
        client.closeFuture.whenComplete { _ in
            _ = self.state.withLock { $0.connections.removeValue(forKey: ObjectIdentifier(client)) }
        }
        return admitted
    }

    /// Cuts all connections; `forGood` lets no new ones through until `heal`.
    func cut(forGood: Bool) {
        let connections = self.state.withLock { state in
            state.isOpen = !forGood
            return Array(state.connections.values)
        }
        for connection in connections { connection.close(promise: nil) }
    }

    func heal() { self.state.withLock { $0.isOpen = true } }

    func close() async throws {
        if self.listener.isActive { try await self.listener.close().get() }
        self.cut(forGood: true)
    }

    /// Ties the listener, which comes first, to the proxy.
    private final class Hook: Sendable {
        private let state = Mutex<CuttableProxy?>(nil)
        var proxy: CuttableProxy? { self.state.withLock { $0 } }
        func set(_ proxy: CuttableProxy) { self.state.withLock { $0 = proxy } }
    }

    /// Passes on what is read, and the end.
    private final class Pipe: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let other: any Channel

        init(to other: any Channel) { self.other = other }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            self.other.write(self.unwrapInboundIn(data), promise: nil)
        }

        func channelReadComplete(context: ChannelHandlerContext) { self.other.flush() }

        func channelInactive(context: ChannelHandlerContext) { self.other.close(promise: nil) }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}
