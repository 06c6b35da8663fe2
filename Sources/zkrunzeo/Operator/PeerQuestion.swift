//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import NIOPosix

/// One question to a running server, and its answer.
enum PeerQuestion {
    /// The longest answer in bytes.
    static let maximumAnswer = 4 << 20

    /// Connects, says `question`, and reads until `read` finds the answer in what has come, or nothing more comes.
    ///
    /// Throws a `PeerFailure`.
    static func ask<Answer: Sendable>(
        _ address: PeerAddress,
        _ question: ByteBuffer,
        within patience: Duration = .seconds(10),
        read: @escaping @Sendable (_ received: ByteBuffer, _ hasEnded: Bool) throws -> Answer?
    ) async throws -> Answer {
        let timeout = TimeAmount(patience)
        let eventLoop = MultiThreadedEventLoopGroup.singleton.any()
        let answer = eventLoop.makePromise(of: Answer.self)
        let bootstrap = ClientBootstrap(group: eventLoop).connectTimeout(timeout).channelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(PeerAnswerHandler(answer, read))
            }
        }
        do {
            let channel: any Channel
            do {
                channel =
                    switch address {
                    case .internet(let host, let port): try await bootstrap.connect(host: host, port: port).get()
                    case .unix(let path): try await bootstrap.connect(unixDomainSocketPath: path).get()
                    }
            } catch {
                answer.fail(error)
                throw error
            }
            let deadline = eventLoop.scheduleTask(in: timeout) { answer.fail(PeerFailure.timedOut) }
            defer {
                deadline.cancel()
                channel.close(promise: nil)
            }
            channel.writeAndFlush(question, promise: nil)
            return try await answer.futureResult.get()
        } catch {
            throw PeerFailure(error)
        }
    }
}

/// Why a server did not answer, in the words in which Python's tools say it.
struct PeerFailure: Error, Hashable, CustomStringConvertible {
    var description: String

    /// Nothing came for too long.
    static let timedOut = PeerFailure(description: "timed out")

    init(description: String) {
        self.description = description
    }

    /// A failure of the system, by number where there is one.
    init(_ error: any Error) {
        switch error {
        case let failure as PeerFailure:
            self = failure
        case let error as IOError:
            self.init(number: error.errnoCode)
        case let error as NIOConnectionError:
            if let first = error.connectionErrors.first {
                self.init(first.error)
            } else {
                self.init(description: "[Errno -2] Name or service not known")
            }
        case ChannelError.connectTimeout:
            self.init(number: ETIMEDOUT)
        case is SocketAddressError:
            self.init(description: "[Errno -2] Name or service not known")
        default:
            self.init(description: "\(error)")
        }
    }

    private init(number: Int32) {
        self.init(description: "[Errno \(number)] \(unsafe String(cString: strerror(number)))")
    }
}

/// Collects what a server says until it is an answer.
private final class PeerAnswerHandler<Answer: Sendable>: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let answer: EventLoopPromise<Answer>
    private let read: @Sendable (ByteBuffer, Bool) throws -> Answer?
    private var received = ByteBuffer()

    init(_ answer: EventLoopPromise<Answer>, _ read: @escaping @Sendable (ByteBuffer, Bool) throws -> Answer?) {
        self.answer = answer
        self.read = read
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var data = self.unwrapInboundIn(data)
        self.received.writeBuffer(&data)
        guard self.received.readableBytes <= PeerQuestion.maximumAnswer else {
            self.answer.fail(PeerFailure(description: "the answer is too long"))
            return context.close(promise: nil)
        }
        self.look(hasEnded: false)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.look(hasEnded: true)
        self.answer.fail(PeerFailure(description: "the server closed the connection without an answer"))
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.answer.fail(error)
        context.close(promise: nil)
    }

    private func look(hasEnded: Bool) {
        do {
            if let answer = try self.read(self.received, hasEnded) { self.answer.succeed(answer) }
        } catch {
            self.answer.fail(error)
        }
    }
}
