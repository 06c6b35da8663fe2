//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix
import NIOSSL

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// The socket that a server listens at.
struct Listener: Sendable {
    private let channel: any Channel
    private let address: ZEOServerConfiguration.Address

    /// Where the server really listens.
    var addresses: [SocketAddress] { self.channel.localAddress.map { [$0] } ?? [] }

    /// Begins to listen, and gives every connection a handler.
    static func open(
        _ server: ServerContext,
        on group: MultiThreadedEventLoopGroup
    ) async throws -> Listener {
        let configuration = server.configuration
        let faults = FaultLog(logger: server.connectionLogger)
        var bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: configuration.backlog)
            .childChannelOption(.writeBufferWaterMark, value: .init(low: 64 * 1024, high: 256 * 1024))
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try Self.addHandlers(to: channel, server, faults)
                }
            }
        if case .hostname = configuration.address { bootstrap = Self.watchingPeers(bootstrap, configuration) }
        let channel = try await SocketBinding.bind(bootstrap, to: configuration.address, on: group)
        return Listener(channel: channel, address: configuration.address)
    }

    private static func addHandlers(
        to channel: any Channel,
        _ server: ServerContext,
        _ faults: FaultLog
    ) throws {
        let operations = channel.pipeline.syncOperations
        if let tls = server.tls, let timeout = server.configuration.tls?.handshakeTimeout {
            try operations.addHandler(NIOSSLServerHandler(context: tls))
            try operations.addHandler(HandshakeHandler(server: server, faults: faults, timeout: timeout))
        } else {
            try operations.addHandler(PlainPortHandler(faults: faults))
            try operations.addHandler(ConnectionHandler(server: server))
        }
    }

    func whenClosed(_ body: @escaping @Sendable () -> Void) {
        self.channel.closeFuture.whenComplete { _ in body() }
    }

    /// Listens no more. The address is free when this returns.
    func close() async throws {
        try? await self.channel.close().get()
        SocketBinding.cleanUp(self.address)
    }

    /// Has the system notice peers that are gone without a word, and send small answers at once.
    private static func watchingPeers(
        _ bootstrap: ServerBootstrap,
        _ configuration: ZEOServerConfiguration
    ) -> ServerBootstrap {
        let bootstrap =
            bootstrap
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.socketOption(.so_keepalive), value: 1)
        #if os(Linux)
        let seconds = max(1, Int(configuration.keepAliveTime / .seconds(1)))
        let interval = max(1, seconds / 6)
        return
            bootstrap
            .childChannelOption(.tcpOption(.init(rawValue: TCP_KEEPIDLE)), value: .init(seconds))
            .childChannelOption(.tcpOption(.init(rawValue: TCP_KEEPINTVL)), value: .init(interval))
            .childChannelOption(.tcpOption(.init(rawValue: TCP_KEEPCNT)), value: 6)
            .childChannelOption(.tcpOption(.init(rawValue: TCP_USER_TIMEOUT)), value: .init(2000 * seconds))
        #else
        return bootstrap
        #endif
    }
}
