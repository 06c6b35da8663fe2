//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import Synchronization

/// A listener for operators beside the one for clients, on one event loop of its own.
///
/// Guarded by `state`: where it listens, and who waits to hear that. Listens until graceful shutdown or cancellation.
final class SideListener: Sendable {
    typealias Address = ZEOServerConfiguration.Address

    private struct State {
        var outcome: Result<SocketAddress, any Error>?
        var hasRun = false
        var waiters: [CheckedContinuation<SocketAddress, any Error>] = []
    }

    private let address: Address
    private let limit: ConnectionLimit
    private let state = Mutex(State())

    /// A listener that serves at most `maximum` connections at a time.
    init(address: Address, maximum: Int) {
        self.address = address
        self.limit = ConnectionLimit(maximum)
    }

    /// Listens, giving every connection the handlers that `initialize` adds. Throws `ZEOServerError`.
    func run(_ initialize: @escaping @Sendable (any Channel) throws -> Void) async throws {
        let isFirst = self.state.withLock { state in
            defer { state.hasRun = true }
            return !state.hasRun
        }
        guard isFirst else { throw ZEOServerError(.alreadyRunning, "A listener runs once; make a new one.") }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        do {
            try await self.listen(on: group, initialize)
            self.settle(.failure(ZEOServerError(.notRunning, "The listener has ended.")))
        } catch {
            self.settle(.failure(error))
            try? await group.shutdownGracefully()
            throw error
        }
        try? await group.shutdownGracefully()
    }

    /// Waits until it listens, and says where. Throws what ``run(_:)`` throws when it ends first.
    func waitUntilListening() async throws -> SocketAddress {
        try await withCheckedThrowingContinuation { continuation in
            let outcome = self.state.withLock { state in
                if state.outcome == nil { state.waiters.append(continuation) }
                return state.outcome
            }
            if let outcome { continuation.resume(with: outcome) }
        }
    }

    private func listen(
        on group: MultiThreadedEventLoopGroup,
        _ initialize: @escaping @Sendable (any Channel) throws -> Void
    ) async throws {
        let limit = self.limit
        let bootstrap = ServerBootstrap(group: group)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    guard limit.admit(channel) else { throw ChannelError.outputClosed }
                    try initialize(channel)
                }
            }
        let channel = try await SocketBinding.bind(bootstrap, to: self.address, on: group)
        if let local = channel.localAddress { self.settle(.success(local)) }
        await withTaskCancellationHandler {
            await withGracefulShutdownHandler {
                try? await channel.closeFuture.get()
            } onGracefulShutdown: {
                channel.close(promise: nil)
            }
        } onCancel: {
            channel.close(promise: nil)
        }
        SocketBinding.cleanUp(self.address)
    }

    private func settle(_ outcome: Result<SocketAddress, any Error>) {
        let waiters = self.state.withLock { state in
            state.outcome = outcome
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume(with: outcome) }
    }
}
