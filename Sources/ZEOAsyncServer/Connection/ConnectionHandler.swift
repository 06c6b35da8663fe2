//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Logging
import Metrics
import NIOCore
import ZEOProtocol
import ZODBFormat
import ZODBStorage

/// One client's connection: reads frames, performs what the state machines decide, and writes answers.
///
/// Everything here is confined to the connection's event loop. What is written within one burst of reading is flushed
/// once, at its end. The parts: calls in `+Calls`, reading the storage in `+Reads`, what takes longer in
/// `+Walks` and `+Pack`, transactions in `+Transactions`, blobs in `+Uploads` and `+Downloads`, and the order of what the
/// client is shown in `+Invalidation`.
final class ConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    let server: ServerContext
    var clock: CallClock
    var machine = ConnectionStateMachine()
    var commit = CommitStateMachine(isReadOnly: false)

    /// The storage that the client has chosen, and the place in its log.
    var registration: Registration?

    /// What the client wants to write, while it has a transaction.
    var buffer: TransactionBuffer?
    /// The vote that is under way or holds the lock.
    var vote: Vote?
    /// The commit lock that may be kept while the client resolves conflicts.
    var keptPlace: KeptPlace?
    /// Whether the client has not let that time pass without voting again.
    var mayKeepPlace = true
    /// Calls that wait until a transaction is finished.
    private(set) var postponed: [ClientMessage] = []

    /// Calls that walk through the storage and wait for each other.
    var walks: CircularBuffer<ClientMessage> = []
    var isWalking = false
    var walkTask: Task<Void, Never>?
    var iterators: IteratorTable

    /// The blobs that the client sends.
    var uploads: BlobUploads?
    /// Blobs that the client wants, one after the other.
    var wantedBlobs: CircularBuffer<ClientMessage> = []
    var download = BlobDownload.none

    /// Frames that wait until the client has read some of what was answered to earlier ones.
    private var waitingFrames: CircularBuffer<ByteBuffer> = []

    /// How the log calls this client.
    var label = "unconnected"
    private var address = "unconnected"

    private(set) var context: ChannelHandlerContext?
    private let processor: NIOSingleStepByteToMessageProcessor<SizedFrameDecoder>
    private var outbound = ByteBuffer()
    /// The longest message in bytes since the network had taken everything.
    private var longestUnsent = 0
    private var isReading = false
    private var isShuttingDown = false
    private var hasEnded = false

    /// What is known once a client has registered.
    struct Registration {
        let served: ServedStorage
        let subscription: InvalidationLog.Subscription
        let format: WireFormat
        /// The newest transaction that the client may have been shown anything of. Everything that it has to know of
        /// transactions up to this one has been written.
        var seen: TransactionID
    }

    /// A vote, from its call on until the transaction is over.
    struct Vote {
        let attempt: Int
        let ticket: VoteTicket
        let task: Task<Void, Never>
        var timeout: Scheduled<Void>?
    }

    init(server: ServerContext) {
        self.server = server
        self.clock = CallClock(server.metrics, slowCallTime: server.configuration.slowCallTime)
        self.iterators = IteratorTable(limit: server.configuration.maximumIteratorCount)
        self.processor = NIOSingleStepByteToMessageProcessor(
            SizedFrameDecoder(limit: server.configuration.maximumFrameSize)
        )
    }

    // MARK: What happens to the channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { self.connected(context: context) }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func channelActive(context: ChannelHandlerContext) {
        self.connected(context: context)
        context.fireChannelActive()
    }

    private func connected(context: ChannelHandlerContext) {
        self.address = (context.remoteAddress ?? context.localAddress).map(\.readable) ?? "unknown"
        self.label = self.address
        guard self.server.opened(self.bound, on: context.channel) else { return self.close() }
        self.log(.debug, "Accepted connection")
        Greeting.version5(self.server.configuration.wireFormat).encode(into: &self.outbound)
        self.flush()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.isReading = true
        let data = self.unwrapInboundIn(data)
        if !self.server.metrics.isDiscarding { self.server.metrics.receivedBytes.increment(by: data.readableBytes) }
        do {
            try self.processor.process(buffer: data) { self.take($0) }
        } catch {
            self.log(.error, "can't read message: \(error)")
            self.close()
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        self.isReading = false
        self.flush()
        // The network may have taken everything without the channel having to say so.
        self.takeWaitingFrames()
        self.continueDownload()
        self.updateReading()
        context.fireChannelReadComplete()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { self.longestUnsent = 0 }
        self.takeWaitingFrames()
        self.continueDownload()
        self.updateReading()
        context.fireChannelWritabilityChanged()
    }

    /// Answers a frame, or keeps it: what one burst asks for may be much more than the client can be sent at once.
    private func take(_ frame: ByteBuffer) {
        if let context = self.context, context.channel.isWritable, self.waitingFrames.isEmpty {
            self.received(frame: frame)
        } else if !self.machine.isClosed {
            self.waitingFrames.append(frame)
        }
    }

    private func takeWaitingFrames() {
        guard let context = self.context, !self.waitingFrames.isEmpty, !self.isReading else { return }
        self.isReading = true
        while context.channel.isWritable, let frame = self.waitingFrames.popFirst() { self.received(frame: frame) }
        self.isReading = false
        self.flush()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.log(.debug, "Disconnected \(error)")
        self.close()
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.end()
        self.server.closed(context.channel)
        context.fireChannelInactive()
    }

    /// Lets go of everything that others wait for. The channel may take longer to close: TLS waits for a last word.
    private func end() {
        self.machine.closed()
        guard !self.hasEnded else { return }
        self.hasEnded = true
        self.waitingFrames = []
        self.postponed = []
        self.disconnected()
        self.abandonWalks()
        self.abandonBlobs()
        guard let registration = self.registration else { return }
        registration.served.log.unsubscribe(registration.subscription)
        self.registration = nil
    }

    // MARK: What the parts use

    /// This handler, for closures that come back to its event loop.
    var bound: NIOLoopBound<ConnectionHandler> {
        guard let context = self.context else {
            preconditionFailure("A handler starts nothing before it is in a pipeline or after it was removed.")
        }
        return NIOLoopBound(self, eventLoop: context.eventLoop)
    }

    /// Appends to what is sent at the end of the burst, or of whatever happens now. An `encode` that throws has appended
    /// nothing.
    func write<Failure: Error>(_ encode: (inout ByteBuffer) throws(Failure) -> Void) throws(Failure) {
        guard !self.machine.isClosed else { return }
        let before = self.outbound.readableBytes
        try encode(&self.outbound)
        self.wrote(self.outbound.readableBytes - before)
    }

    /// Appends a message to what is sent, without copying it where it is long.
    func write(frame: ByteBuffer) {
        guard !self.machine.isClosed else { return }
        if frame.readableBytes < Self.handOverSize {
            self.outbound.writeImmutableBuffer(frame)
        } else {
            self.handOver()
            self.outbound = frame
        }
        self.wrote(frame.readableBytes)
    }

    private func wrote(_ count: Int) {
        self.longestUnsent = max(self.longestUnsent, count)
        if self.outbound.readableBytes >= Self.handOverSize { self.handOver() }
    }

    /// How many bytes are collected before the network gets them.
    private static let handOverSize = 64 * 1024

    /// Sends what was written, unless more is coming in this burst.
    func flushUnlessReading() {
        if !self.isReading { self.flush() }
    }

    private func handOver() {
        guard self.outbound.readableBytes > 0, let context = self.context else { return }
        let data = self.outbound
        self.outbound = ByteBuffer()
        if !self.server.metrics.isDiscarding { self.server.metrics.sentBytes.increment(by: data.readableBytes) }
        context.write(self.wrapOutboundOut(data), promise: nil)
    }

    private func flush() {
        guard let context = self.context else { return }
        self.handOver()
        context.flush()
        guard !context.channel.isWritable,
            let unsent = try? context.channel.syncOptions?.getOption(.bufferedWritableBytes),
            // A single answer may be longer than what may wait: a client that reads has to get it all the same.
            unsent > self.server.configuration.maximumUnsentSize + self.longestUnsent
        else { return }
        self.log(.warning, "does not read: \(unsent) bytes wait to be sent")
        self.close()
    }

    /// Ends the connection. What was written before is sent if the network takes it at once.
    func close() {
        self.end()
        guard let context = self.context, context.channel.isActive else { return }
        self.handOver()
        context.flush()
        context.close(promise: nil)
    }

    /// Sends a last word, and ends the connection behind it.
    func sendLast(_ encode: (inout ByteBuffer) -> Void) {
        self.machine.closed()
        guard let context = self.context else { return }
        encode(&self.outbound)
        let data = self.outbound
        self.outbound = ByteBuffer()
        context.writeAndFlush(self.wrapOutboundOut(data)).assumeIsolated().whenComplete { _ in
            context.close(promise: nil)
        }
    }

    /// Reads on, or waits: a client that does not read answers, or goes on while its transaction is being finished,
    /// asks nothing more for the time being.
    func updateReading() {
        guard let context = self.context else { return }
        let reads =
            context.channel.isWritable && self.postponed.isEmpty && self.waitingFrames.isEmpty
            && self.walks.count < Self.maximumWaitingWalks && self.wantedBlobs.count < Self.maximumWantedBlobs
            && !(self.uploads?.isBehind ?? false)
        try? context.channel.syncOptions?.setOption(.autoRead, value: reads)
    }

    /// Ends the connection; a transaction that is being finished is answered first.
    func shutDown() {
        self.isShuttingDown = true
        if !self.commit.isFinishing { self.close() }
    }

    /// Performs a call of those that are performed in the order in which they came.
    func performInOrder(_ message: ClientMessage) {
        switch message.call {
        case .storeBlobStart, .storeBlobChunk:
            // They name no transaction: what comes behind a finish belongs to the next one.
            if self.commit.isFinishing { self.postpone(message) } else { self.receiveBlob(message) }
        default:
            self.performTransactionCall(message)
        }
    }

    /// Keeps a call until the transaction that is being finished is over.
    func postpone(_ message: ClientMessage) {
        self.postponed.append(message)
        self.updateReading()
    }

    /// A transaction has been finished, or failed to be: goes on with what the client said in the meantime.
    func resumePostponed() {
        let messages = self.postponed
        self.postponed = []
        self.updateReading()
        if self.isShuttingDown { return self.close() }
        for message in messages where !self.machine.isClosed { self.performInOrder(message) }
    }

    /// A client gave itself a name.
    func relabel(_ label: String) {
        self.label = "\(label) \(self.address)"
    }

    func log(_ level: Logger.Level, _ message: @autoclosure () -> String) {
        self.server.logger.log(level: level, "(\(self.label)) \(message())")
    }
}
