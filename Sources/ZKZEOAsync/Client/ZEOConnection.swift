//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix
import Synchronization
import ZEOProtocol
import ZODBFormat
import ZODBStorage

/// A client's connection to one server: what its channel does, for tasks.
///
/// Made before it is connected, so that it can be given up at any time. Guarded by `stage`: whether there is a channel
/// yet, and whether there still may be one.
final class ZEOConnection: Sendable {
    private enum Stage {
        case unconnected
        case connected(any Channel, NIOLoopBound<ZEOConnectionHandler>)
        case closed((any Channel)?)
    }

    let address: ServerAddress
    private let demand: ServerDemand
    private let options: ClientOptions
    private let view: ClientView
    private let eventLoop: any EventLoop
    private let stage = Mutex(Stage.unconnected)
    private let fallback = Atomic(false)
    private let registered = CallSlot<ZEOConnectionHandler.Registration>()

    init(
        _ address: ServerAddress,
        _ demand: ServerDemand,
        _ options: ClientOptions,
        _ view: ClientView,
        _ eventLoop: any EventLoop
    ) {
        self.address = address
        self.demand = demand
        self.options = options
        self.view = view
        self.eventLoop = eventLoop
    }

    // MARK: Beginning and end

    /// Connects and registers the storage, once. Returns what the server said.
    ///
    /// - Parameters:
    ///   - tls: Speaks TLS; `nil` speaks without.
    ///   - didClose: Called at most once, on the event loop, when the connection is closed, before those are told who wait
    ///     for its answers.
    func open(
        _ tls: ClientTLS?,
        didClose: @escaping @Sendable ((any Error)?) -> Void
    ) async throws -> ZEOConnectionHandler.Registration {
        self.connect(tls, didClose)
        do {
            let registration = try await self.registered.value()
            self.fallback.store(registration.isFallback, ordering: .relaxed)
            return registration
        } catch {
            self.close(error)
            throw error
        }
    }

    private func connect(_ tls: ClientTLS?, _ didClose: @escaping @Sendable ((any Error)?) -> Void) {
        let (address, demand, options, view) = (self.address, self.demand, self.options, self.view)
        // Of a channel that the server closes at once, the pipeline knows nothing any more; its handler knows why.
        let handlers = NIOLoopBoundBox.makeBoxSendingValue(
            [ObjectIdentifier: ZEOConnectionHandler](),
            eventLoop: self.eventLoop
        )
        let bootstrap = ClientBootstrap(group: self.eventLoop)
            .connectTimeout(TimeAmount(options.connectTimeout))
            .channelInitializer { channel in
                // One of several when the host has several addresses; only the winner is adopted.
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if let tls { try pipeline.addHandler(tls.handler(for: address)) }
                    let handler = ZEOConnectionHandler(address, demand, options, view)
                    try pipeline.addHandler(handler)
                    handlers.value[ObjectIdentifier(channel)] = handler
                }
            }
        let connected =
            switch self.address {
            case .unix(let path): bootstrap.connect(unixDomainSocketPath: path)
            case .internet(let address):
                bootstrap
                    .channelOption(.tcpOption(.tcp_nodelay), value: 1)
                    .channelOption(.socketOption(.so_keepalive), value: 1)
                    .connect(host: address.host, port: address.port)
            }
        connected
            .whenComplete { result in
                do {
                    let channel = try result.get()
                    guard let handler = handlers.value[ObjectIdentifier(channel)], self.attach(channel, handler) else {
                        return channel.close(promise: nil)
                    }
                    handler.adopt(self.registered, didClose: didClose)
                } catch {
                    let message = "no connection to \(self.address)"
                    self.registered.complete(.failure(StorageError(.disconnected, message, underlyingError: error)))
                }
            }
    }

    private func attach(_ channel: any Channel, _ handler: ZEOConnectionHandler) -> Bool {
        let handler = NIOLoopBound(handler, eventLoop: channel.eventLoop)
        return self.stage.withLock { stage in
            guard case .unconnected = stage else { return false }
            stage = .connected(channel, handler)
            return true
        }
    }

    /// Closes the connection, or gives up to connect. Those who wait for answers are told the reason.
    func close(_ reason: (any Error)?) {
        let stage = self.stage.withLock { stage in
            let former = stage
            switch former {
            case .unconnected: stage = .closed(nil)
            case .connected(let channel, _): stage = .closed(channel)
            case .closed: break
            }
            return former
        }
        self.registered.complete(.failure(reason ?? CancellationError()))
        if case .connected(let channel, let handler) = stage {
            channel.eventLoop.execute { handler.value.close(reason) }
        }
    }

    /// Whether the server has taken the client only for reading, though it would rather write.
    var isFallback: Bool { self.fallback.load(ordering: .relaxed) }

    /// Waits until a connection that has been closed is gone.
    func ended() async {
        guard case .closed(let channel?) = self.stage.withLock({ $0 }) else { return }
        // The future does not fail.
        try? await channel.closeFuture.get()
    }

    /// Whether the connection is gone.
    var isClosed: Bool {
        switch self.stage.withLock({ $0 }) {
        case .unconnected: false
        case .connected(let channel, _): !channel.isActive
        case .closed: true
        }
    }

    /// Begins to work: from now on the view follows what the server says. Returns false when the connection is gone.
    func activate(_ verification: CacheVerification, _ information: ServerInformation) async -> Bool {
        let done = CallSlot<Bool>()
        self.onHandler {
            done.complete(.success($0.activate(verification, information)))
        } otherwise: {
            done.complete(.success(false))
        }
        return (try? await done.valueInAnyCase()) ?? false
    }

    // MARK: Calls

    // Each throws `StorageError.disconnected` when the connection is lost; with `CallNotSent` beneath it when it was gone
    // before anything was sent.

    /// Makes a call, behind messages that want no answer; nothing comes between them.
    func call(_ call: ServerCall, after messages: [ServerCall] = []) async throws -> Reply {
        let slot = CallSlot<Reply>()
        self.onHandler {
            $0.call(call, after: messages, for: .reply(slot))
        } otherwise: {
            slot.complete(.failure(CallNotSent.error))
        }
        do {
            return try await self.options.metrics.measured(call.method) { try await slot.value() }
        } catch let error as CancellationError {
            self.onHandler {
                $0.abandon(slot)
            } otherwise: {
            }
            throw error
        }
    }

    /// Loads a revision, and has the view keep it.
    func load(_ oid: ObjectID, before tid: TransactionID) async throws -> ObjectRevision? {
        let slot = CallSlot<ObjectRevision?>()
        self.onHandler {
            $0.call(.loadBefore(oid, tid), for: .revision(slot))
        } otherwise: {
            slot.complete(.failure(CallNotSent.error))
        }
        return try await self.options.metrics.measured("loadBefore") { try await slot.value() }
    }

    /// Finishes a transaction, and has the view follow it. Not to be cancelled: the answer says what has become of it.
    func finish(_ token: TransactionToken, _ commit: OwnCommit) async throws -> TransactionID {
        let slot = CallSlot<TransactionID>()
        self.onHandler {
            $0.call(.finish(token), for: .tid(slot, commit))
        } otherwise: {
            slot.complete(.failure(CallNotSent.error))
        }
        return try await self.options.metrics.measured("tpc_finish") { try await slot.valueInAnyCase() }
    }

    /// Has the server send a blob into a new file in a folder.
    func blob(of oid: ObjectID, at tid: TransactionID, in folder: String) async throws -> UncommittedBlob {
        let receiver = BlobReceiver(in: folder)
        self.onHandler {
            $0.call(.sendBlob(oid, tid), for: .blob(receiver))
        } otherwise: {
            receiver.ended(.failure(CallNotSent.error))
        }
        do {
            return try await receiver.blob()
        } catch {
            // It was cancelled, or the disk is full: the rest is thrown away as it comes.
            self.onHandler {
                $0.abandon(receiver)
            } otherwise: {
            }
            throw error
        }
    }

    /// Sends messages that want no answer, one behind the other. Returns when the network has taken them.
    func transmit(_ calls: [ServerCall]) async throws {
        if calls.isEmpty { return }
        let sent = CallSlot<Void>()
        self.onHandler {
            $0.transmit(calls, sent)
        } otherwise: {
            sent.complete(.failure(CallNotSent.error))
        }
        try await sent.value()
    }

    /// Sends a message that wants no answer, if there is still somebody to hear it.
    func send(_ call: ServerCall) {
        self.onHandler {
            $0.send(call)
        } otherwise: {
        }
    }

    private func onHandler(
        _ body: @escaping @Sendable (ZEOConnectionHandler) -> Void,
        otherwise: () -> Void
    ) {
        let stage = self.stage.withLock { $0 }
        guard case .connected(let channel, let handler) = stage else { return otherwise() }
        channel.eventLoop.execute { body(handler.value) }
    }
}
