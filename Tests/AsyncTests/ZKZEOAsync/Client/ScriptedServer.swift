//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix
import ZEOProtocol
import ZODBFormat

@testable import ZKZEOAsync

/// A ZEO server that says what a test wants it to say.
final class ScriptedServer: Sendable {
    enum Heard {
        case connection
        case greeting
        case call(MessageID, ServerCall)
    }

    enum Said {
        case bytes([UInt8])
        case frame([UInt8])
        case message(ServerMessage)
        case end
    }

    private let channel: any Channel

    var address: ServiceAddress { ServiceAddress(host: "127.0.0.1", port: self.channel.localAddress?.port ?? 0) }

    init(_ script: @escaping @Sendable (Heard) -> [Said]) async throws {
        self.channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Handler(script))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
    }

    func stop() async throws {
        try await self.channel.close()
    }

    /// What a sound server says to what it has heard: an empty storage.
    static func soundly(_ heard: Heard) -> [Said] {
        switch heard {
        case .connection: return [.frame(Array("Z5".utf8))]
        case .greeting: return []
        case .call(let id, let call):
            switch call {
            case .register, .lastTransaction: return [.message(.reply(id, .tid(TransactionID(rawValue: 5))))]
            case .getInfo:
                let information = ServerInformation(
                    length: 0,
                    size: 0,
                    name: "scripted",
                    supportsUndo: false,
                    supportsRecordIternext: false,
                    interfaces: []
                )
                return [.message(.reply(id, information.reply))]
            case .ping: return [.message(.reply(id, .none))]
            case .loadBefore(let oid, _): return [.message(.reply(id, .exception(.posKeyError(oid))))]
            default: return []
            }
        }
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let script: (Heard) -> [Said]
        private var frames = NIOSingleStepByteToMessageProcessor(SizedFrameDecoder(limit: 1 << 20))
        private var hasGreeted = false

        init(_ script: @escaping (Heard) -> [Said]) { self.script = script }

        func channelActive(context: ChannelHandlerContext) {
            self.say(self.script(.connection), context)
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            try? self.frames.process(buffer: self.unwrapInboundIn(data)) { frame in
                if self.hasGreeted {
                    let message = try WireFormat.pickle.decodeClientMessage(frame)
                    self.say(self.script(.call(message.id, message.call)), context)
                } else {
                    self.hasGreeted = true
                    self.say(self.script(.greeting), context)
                }
            }
        }

        private func say(_ things: [Said], _ context: ChannelHandlerContext) {
            for thing in things {
                var buffer = ByteBuffer()
                switch thing {
                case .bytes(let bytes): buffer.writeBytes(bytes)
                case .frame(let body): SizedFrame.write(body, into: &buffer)
                case .message(let message): try? WireFormat.pickle.encode(message, into: &buffer)
                case .end:
                    context.close(promise: nil)
                    return
                }
                context.writeAndFlush(self.wrapOutboundOut(buffer), promise: nil)
            }
        }
    }
}
