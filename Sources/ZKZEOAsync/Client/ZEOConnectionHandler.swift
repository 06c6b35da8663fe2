//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Metrics
import NIOCore
import ZEOProtocol
import ZODBFormat
import ZODBStorage

/// Does on the channel what `ZEOConnectionStateMachine` decides. Confined to the channel's event loop.
final class ZEOConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// One who waits for an answer.
    enum Waiter {
        case reply(CallSlot<Reply>)
        case revision(CallSlot<ObjectRevision?>)
        case tid(CallSlot<TransactionID>, OwnCommit)
        case blob(BlobReceiver)
    }

    private var machine: ZEOConnectionStateMachine<Waiter>
    private var format = WireFormat.pickle
    private var frames: NIOSingleStepByteToMessageProcessor<SizedFrameDecoder>
    private var context: ChannelHandlerContext?
    private var closeReason: (any Error)?
    private var alarm: Scheduled<Void>?

    private let address: ServerAddress
    private let options: ClientOptions
    private let view: ClientView
    /// How the registration ended, which may be before anybody asks.
    private var registration: Result<Registration, any Error>?
    private var registered: CallSlot<Registration>?
    private var didClose: (((any Error)?) -> Void)?

    /// What a server that has taken the client said.
    struct Registration {
        /// The storage's last transaction, where the server says it.
        var last: TransactionID?
        /// Whether the client may only read, though it would rather write.
        var isFallback: Bool
    }

    init(_ address: ServerAddress, _ demand: ServerDemand, _ options: ClientOptions, _ view: ClientView) {
        self.address = address
        let fallsBack = options.readOnlyFallback && !options.readOnly && demand == .asWished
        self.machine = ZEOConnectionStateMachine(fallsBack: fallsBack)
        self.options = options
        self.view = view
        self.frames = NIOSingleStepByteToMessageProcessor(SizedFrameDecoder(limit: options.maximumMessageSize))
    }

    /// This channel is the one that was chosen.
    ///
    /// - Parameters:
    ///   - registered: Gets what the server said once it has taken the client, or why it has not.
    ///   - didClose: Called when the channel is closed, unless it is already.
    func adopt(_ registered: CallSlot<Registration>, didClose: @escaping ((any Error)?) -> Void) {
        self.registered = registered
        self.didClose = didClose
        if let registration { registered.complete(registration) }
    }

    private func register(_ result: Result<Registration, any Error>) {
        if self.registration == nil { self.registration = result }
        self.registered?.complete(result)
    }

    // MARK: Channel events

    func channelActive(context: ChannelHandlerContext) {
        self.context = context
        let limit = TimeAmount(self.options.connectTimeout)
        self.alarm = context.eventLoop.assumeIsolated().scheduleTask(in: limit) {
            self.close(StorageError(.disconnected, "the server did not say a word"))
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = self.unwrapInboundIn(data)
        self.options.metrics.receivedBytes.increment(by: buffer.readableBytes)
        do {
            try self.frames.process(buffer: buffer) { try self.received($0) }
        } catch {
            self.close(error)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.alarm?.cancel()
        let reason = self.closeReason
        let (waiters, heartbeatMayBeUnknown) = self.machine.closed()
        if heartbeatMayBeUnknown && reason == nil { self.view.pingIsUnknown() }
        let error = StorageError(.disconnected, "the connection to the server was lost", underlyingError: reason)
        self.register(.failure(error))
        self.didClose?(reason)
        self.didClose = nil
        for waiter in waiters { Self.fail(waiter, error) }
        self.context = nil
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.close(ServerHandshakeFault.error(error, self.address) ?? error)
    }

    /// Closes the channel for a reason that those who wait will be told.
    func close(_ reason: (any Error)?) {
        if self.closeReason == nil { self.closeReason = reason }
        self.context?.close(promise: nil)
    }

    // MARK: Outbound

    /// Makes a call, behind messages that want no answer.
    func call(_ call: ServerCall, after messages: [ServerCall] = [], for waiter: Waiter) {
        guard let context else { return Self.fail(waiter, CallNotSent.error) }
        var purpose = ZEOConnectionStateMachine<Waiter>.Purpose.plain
        if case .loadBefore(let oid, let tid) = call, case .revision = waiter { purpose = .load(oid, before: tid) }
        if case .sendBlob(let oid, let tid) = call, case .blob = waiter { purpose = .blob(oid, tid) }
        switch self.machine.call(purpose, waiter) {
        case .join: break
        case .fail(let waiter): Self.fail(waiter, CallNotSent.error)
        case .send(let id):
            for message in messages { self.write(.asynchronous(message), context) }
            self.write(ClientMessage(id: .number(id), call: call), context)
            context.flush()
        }
    }

    /// Sends messages that want no answer. `sent` is completed when the network has taken them.
    func transmit(_ calls: [ServerCall], _ sent: CallSlot<Void>) {
        guard let context, self.machine.canSend, let last = calls.last else {
            sent.complete(.failure(StorageError(.disconnected, "the connection was lost")))
            return
        }
        for call in calls.dropLast() { self.write(.asynchronous(call), context) }
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.whenComplete { result in
            sent.complete(
                result.mapError { StorageError(.disconnected, "the connection was lost", underlyingError: $0) }
            )
        }
        self.write(.asynchronous(last), context, promise)
        context.flush()
    }

    /// Nobody waits for this answer any more.
    func abandon(_ slot: CallSlot<Reply>) {
        self.machine.abandon { waiter in
            if case .reply(let other) = waiter { other === slot } else { false }
        }
    }

    /// Nobody wants this blob any more.
    func abandon(_ receiver: BlobReceiver) {
        self.machine.abandon { waiter in
            if case .blob(let other) = waiter { other === receiver } else { false }
        }
    }

    /// Sends a message that wants no answer, if there is still somebody to hear it.
    func send(_ call: ServerCall) {
        guard let context, self.machine.canSend else { return }
        self.write(.asynchronous(call), context)
        context.flush()
    }

    private func write(
        _ message: ClientMessage,
        _ context: ChannelHandlerContext,
        _ promise: EventLoopPromise<Void>? = nil
    ) {
        var buffer = context.channel.allocator.buffer(capacity: 256)
        do {
            try self.format.encode(message, into: &buffer)
            self.options.metrics.sentBytes.increment(by: buffer.readableBytes)
            context.write(self.wrapOutboundOut(buffer), promise: promise)
        } catch {
            // What comes after it makes no sense without it.
            promise?.fail(error)
            self.close(error)
        }
    }

    // MARK: Inbound

    private func received(_ frame: ByteBuffer) throws {
        guard let context else { return }
        if self.machine.awaitsGreeting {
            switch self.machine.received(try Greeting(frame)) {
            case .none: break
            case .close(let error): throw error
            case .register(let format, let id):
                self.format = format
                var buffer = context.channel.allocator.buffer(capacity: 256)
                Greeting.version5(format).encode(into: &buffer)
                context.write(self.wrapOutboundOut(buffer), promise: nil)
                self.askToRegister(isReadOnly: self.options.readOnly, id: id, context)
            }
            return
        }
        switch self.machine.received(try self.format.decodeServerMessage(frame)) {
        case .none: break
        case .registered(let tid):
            self.alarm?.cancel()
            // From here on the server owes signs of life: it may fall silent while the cache is being verified, too.
            self.scheduleHeartbeat()
            if let label = self.options.clientLabel {
                self.write(.asynchronous(.setClientLabel(label)), context)
                context.flush()
            }
            self.register(.success(Registration(last: tid, isFallback: self.machine.hasFallenBack)))
        case .registerForReading(let id): self.askToRegister(isReadOnly: true, id: id, context)
        case .refused(let exception):
            let error = StorageError(remote: exception)
            self.register(.failure(error))
            self.close(error)
        case .answer(let waiters, let purpose, let reply, let changed):
            for waiter in waiters { try self.answer(waiter, purpose, reply, changed) }
        case .invalidate(let transaction):
            self.options.metrics.invalidations.increment()
            self.machine.changed(transaction)
            self.view.committed(transaction)
        case .info(let items): self.view.informed(items)
        case .blobPiece(.blob(let receiver), let piece): self.received(piece, by: receiver, context)
        case .blobPiece: preconditionFailure("a blob is what was asked for")
        case .close(let error): throw error
        }
    }

    private func askToRegister(isReadOnly: Bool, id: Int, _ context: ChannelHandlerContext) {
        let call = ServerCall.register(storage: self.options.storage, isReadOnly: isReadOnly)
        self.write(ClientMessage(id: .number(id), call: call), context)
        context.flush()
    }

    /// Reads on when the disk has taken enough.
    private func received(_ piece: ByteBuffer, by receiver: BlobReceiver, _ context: ChannelHandlerContext) {
        let channel = context.channel
        let isBehind = receiver.received(piece) {
            // Fails only when the channel is closed.
            channel.setOption(.autoRead, value: true).whenFailure { _ in }
        }
        if isBehind { channel.setOption(.autoRead, value: false).whenFailure { _ in } }
    }

    private func answer(
        _ waiter: Waiter,
        _ purpose: ZEOConnectionStateMachine<Waiter>.Purpose,
        _ reply: Reply,
        _ changed: TransactionID?
    ) throws {
        do {
            switch (waiter, purpose) {
            case (.reply(let slot), _): slot.complete(.success(reply))
            case (.revision(let slot), .load(let oid, _)):
                let revision = try reply.loadedRevision()
                slot.complete(.success(revision.map { self.view.loaded(oid, $0, changed: changed) }))
            case (.tid(let slot, let commit), _):
                guard let tid = try reply.transactionID() else {
                    throw FormatError("reply", "tpc_finish was answered without a transaction")
                }
                let transaction = commit.transaction(tid)
                self.machine.changed(transaction)
                self.view.committed(transaction, records: commit.records, merged: commit.merged)
                slot.complete(.success(tid))
            case (.blob(let receiver), _):
                _ = try reply.plainValue()
                receiver.ended(.success(()))
            case (.revision, _): preconditionFailure("a revision is the answer to a load")
            }
        } catch let exception as RemoteException {
            Self.fail(waiter, StorageError(remote: exception))
            // What the server has of the transaction is unclear; a new connection finds out.
            if case .tid = waiter { throw exception }
        } catch {
            Self.fail(waiter, StorageError(.disconnected, "the server's answer makes no sense", underlyingError: error))
            throw error
        }
    }

    private static func fail(_ waiter: Waiter, _ error: StorageError) {
        switch waiter {
        case .reply(let slot): slot.complete(.failure(error))
        case .revision(let slot): slot.complete(.failure(error))
        case .blob(let receiver): receiver.ended(.failure(error))
        case .tid(let slot, _):
            var error = error
            if error.code == .disconnected {
                error.message +=
                    error.underlyingError is CallNotSent
                    ? "; the transaction was not committed" : "; whether the transaction was committed is not known"
            }
            slot.complete(.failure(error))
        }
    }

    // MARK: Working order

    /// Takes over what the verification found, then what the server has said since. Returns false when it is too late.
    func activate(_ verification: CacheVerification, _ information: ServerInformation) -> Bool {
        guard let invalidations = self.machine.activate() else { return false }
        self.view.connected(verification, information)
        for transaction in invalidations where transaction.tid > verification.last { self.view.committed(transaction) }
        return true
    }

    private func scheduleHeartbeat() {
        guard let context else { return }
        let interval = TimeAmount(self.options.heartbeatInterval)
        self.alarm = context.eventLoop.assumeIsolated().scheduleTask(in: interval) {
            guard let context = self.context else { return }
            switch self.machine.heartbeatIsDue() {
            case .none: return
            case .close:
                self.close(
                    StorageError(.disconnected, "the server has not answered for \(self.options.heartbeatInterval)")
                )
            case .send(let id):
                self.write(ClientMessage(id: .number(id), call: self.view.heartbeat), context)
                context.flush()
                self.scheduleHeartbeat()
            }
        }
    }
}
