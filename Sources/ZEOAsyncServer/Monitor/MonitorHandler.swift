//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// One client of a monitor: cuts what it says into lines, has them answered one after the other, and sends the answers.
///
/// Everything is confined to the channel's event loop. What a client says while it is being answered stays unread, and a
/// client that says or takes nothing for a while is cut off by the idle handler in front of this one.
final class MonitorHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// The longest line in bytes.
    static let maximumLineLength = 4096

    private let commands: [String: MonitorCommand]
    private var machine: MonitorStateMachine
    private var received = ByteBuffer()
    private var isAnswering = false
    private var hasInputEnded = false
    private var context: ChannelHandlerContext?
    private var task: Task<Void, Never>?

    init(commands: [String: MonitorCommand]) {
        self.commands = commands
        self.machine = MonitorStateMachine(
            commands: commands.mapValues {
                .init(summary: $0.summary, details: $0.details, argumentCount: $0.argumentCount)
            }
        )
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var data = self.unwrapInboundIn(data)
        self.received.writeBuffer(&data)
        self.answerNextLine()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case ChannelEvent.inputClosed:
            self.hasInputEnded = true
            self.answerNextLine()
        case is IdleStateHandler.IdleStateEvent:
            self.close()
        default:
            context.fireUserInboundEventTriggered(event)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.close()
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.machine.closed()
        self.task?.cancel()
        context.fireChannelInactive()
    }

    private func answerNextLine() {
        while !self.isAnswering, let context = self.context, context.channel.isActive {
            guard let line = self.nextLine() else {
                if self.received.readableBytes > Self.maximumLineLength {
                    self.perform(self.machine.tooLong())
                } else if self.hasInputEnded {
                    self.close()
                }
                return
            }
            self.perform(self.machine.received(line: line))
        }
    }

    /// The next line that is complete. What stands behind the last line break counts once nothing can follow it.
    private func nextLine() -> String? {
        let bytes = self.received.readableBytesView
        let length: Int
        if let end = bytes.prefix(Self.maximumLineLength + 1).firstIndex(of: UInt8(ascii: "\n")) {
            length = end - bytes.startIndex + 1
        } else if self.hasInputEnded, !bytes.isEmpty, bytes.count <= Self.maximumLineLength {
            length = bytes.count
        } else {
            return nil
        }
        let line = self.received.readSlice(length: length).map { String(buffer: $0) }
        self.received.discardReadBytes()
        return line
    }

    private func perform(_ action: MonitorStateMachine.LineAction) {
        switch action {
        case .none: break
        case .close: self.close()
        case .say(let text): self.answer(text)
        case .run(let name, let arguments): self.run(name, arguments)
        }
    }

    private func run(_ name: String, _ arguments: [String]) {
        guard let context = self.context, let command = self.commands[name] else { return self.close() }
        self.isAnswering = true
        self.updateReading()
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        self.task = Task {
            let text: String
            do {
                text = try await command.run(arguments)
            } catch {
                text = "\(type(of: error)): \(error)\n\n"
            }
            bound.eventLoop.execute { bound.value.answer(text) }
        }
    }

    /// Sends an answer, and goes on with the conversation once the network has taken it.
    private func answer(_ text: String) {
        guard let context = self.context, context.channel.isActive else { return }
        self.task = nil
        self.isAnswering = true
        self.updateReading()
        let next = self.machine.answered()
        let loop = context.eventLoop.assumeIsolated()
        context.writeAndFlush(self.wrapOutboundOut(ByteBuffer(string: text))).assumeIsolated().whenComplete { _ in
            // Not at once: the answer to each of many lines would be given deeper in the stack than the one before.
            loop.execute {
                switch next {
                case .close:
                    self.close()
                case .readOn:
                    self.isAnswering = false
                    self.answerNextLine()
                    self.updateReading()
                }
            }
        }
    }

    /// A client that is being answered is not listened to.
    private func updateReading() {
        try? self.context?.channel.syncOptions?.setOption(.autoRead, value: !self.isAnswering)
    }

    private func close() {
        self.machine.closed()
        self.context?.close(promise: nil)
    }
}
