//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import Logging
import NIOCore
import NIOPosix
public import ServiceLifecycle

/// A standalone ZooKeeper 3.8 server in this process, for tests and demos.
///
/// It speaks ZooKeeper's own protocol on a TCP port, so that any client can use it, keeps its tree in memory, and can be told to misbehave:
/// see ``expireSession(_:)``, ``dropConnections(of:)``, ``refuseConnections(_:)``, ``delayReplies(by:)``, ``swapSessions(_:)``,
/// ``stop(keepingSessions:)`` and ``restart()``.
///
/// It serves from ``start(_:logger:)`` until ``shutdown()``, which somebody must call; ``withServer(_:logger:isolation:_:)`` does so by itself, and so
/// does ``run()`` in a `ServiceGroup`.
///
/// Invariant: `server` is touched on `loop` alone; everything else here never changes.
public final class ZKTestServer: Sendable {
    private let loop: any EventLoop
    private let server: NIOLoopBound<LoopServer>
    private let host: String

    /// The TCP port that it listens at. It stays the same through ``stop(keepingSessions:)`` and ``restart()``.
    public let port: Int

    /// What a client connects to: `127.0.0.1:2181`.
    public var connectionString: String {
        self.host.utf8.contains(UInt8(ascii: ":")) ? "[\(self.host)]:\(self.port)" : "\(self.host):\(self.port)"
    }

    private init(loop: any EventLoop, server: NIOLoopBound<LoopServer>, host: String, port: Int) {
        self.loop = loop
        self.server = server
        self.host = host
        self.port = port
    }

    /// Starts a server with an empty tree. It listens when this returns.
    ///
    /// Throws what the system says when the address cannot be bound.
    public static func start(
        _ configuration: Configuration = .init(),
        logger: Logger = Logger(label: "ZKTestServer") { _ in SwiftLogNoOpLogHandler() }
    ) async throws -> ZKTestServer {
        let loop = MultiThreadedEventLoopGroup.singleton.any()
        let server = try await loop.submit {
            NIOLoopBound(LoopServer(configuration: configuration, loop: loop, logger: logger), eventLoop: loop)
        }.get()
        let port = try await Self.listen(server, on: loop, host: configuration.host, port: configuration.port)
        return ZKTestServer(loop: loop, server: server, host: configuration.host, port: port)
    }

    /// Starts a server, runs `body` with it, and shuts it down.
    public static func withServer<Result>(
        _ configuration: Configuration = .init(),
        logger: Logger = Logger(label: "ZKTestServer") { _ in SwiftLogNoOpLogHandler() },
        isolation: isolated (any Actor)? = #isolation,
        _ body: (ZKTestServer) async throws -> Result
    ) async throws -> Result {
        let server = try await Self.start(configuration, logger: logger)
        do {
            let result = try await body(server)
            try await server.shutdown()
            return result
        } catch {
            try? await server.shutdown()
            throw error
        }
    }

    /// Ends the server: when this returns, its port is free, and all connections and sessions have ended.
    public func shutdown() async throws {
        try await self.stop(keepingSessions: false)
    }

    /// Binds, and starts the clocks. Answers the port.
    static func listen(
        _ server: NIOLoopBound<LoopServer>,
        on loop: any EventLoop,
        host: String,
        port: Int
    ) async throws -> Int {
        let bound: any Channel
        do {
            bound = try await ServerBootstrap(group: loop, childGroup: loop)
                .serverChannelOption(.backlog, value: 128)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                // Known before it listens: the first client may be quicker than we are.
                .serverChannelInitializer { channel in
                    loop.makeCompletedFuture { server.value.listener = channel }
                }
                .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
                .childChannelInitializer { channel in
                    loop.makeCompletedFuture { try server.value.accepted(channel) }
                }
                .bind(host: host, port: port)
                .get()
        } catch {
            try await loop.submit { server.value.listener = nil }.get()
            throw error
        }
        return try await loop.submit {
            let server = server.value
            server.port = bound.localAddress?.port ?? port
            server.change {
                $0.resumed(at: server.now)
                return []
            }
            server.startClocks()
            return server.port
        }.get()
    }

    /// Runs `body` on the server's event loop.
    func onLoop<Result: Sendable>(_ body: @escaping @Sendable (LoopServer) -> Result) async -> Result {
        let server = self.server
        return await withCheckedContinuation { continuation in
            self.loop.execute { continuation.resume(returning: body(server.value)) }
        }
    }

    /// Closes listener and connections, ends sessions if told so, and returns when the port is free.
    func halt(keepingSessions: Bool) async throws {
        try await self.loop.flatSubmit { [server] in
            let server = server.value
            let stopped = server.stop()
            if !keepingSessions {
                server.change { machine in machine.sessions.ids.flatMap { machine.expire($0) } }
            }
            return stopped
        }.get()
    }

    /// Listens again where it listened before; does nothing while it still does.
    func resume() async throws {
        guard await self.onLoop({ $0.listener == nil }) else { return }
        _ = try await Self.listen(self.server, on: self.loop, host: self.host, port: self.port)
    }
}

extension ZKTestServer: Service {
    /// Serves until the service group shuts down gracefully or the task is cancelled; then the server is shut down.
    public func run() async throws {
        // Cancelled or asked politely: either way it is over.
        try? await gracefulShutdown()
        try await self.shutdown()
    }
}
