//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import NIOEmbedded
import Testing

@testable import ZKTestServer

@Suite struct ConnectionHandlerTests {
    private let loop = EmbeddedEventLoop()

    /// A server with one connection, which has a session.
    private func connection() throws -> EmbeddedChannel {
        let server = LoopServer(configuration: .init(), loop: self.loop, logger: Logger(label: "test"))
        server.listener = EmbeddedChannel()
        let channel = EmbeddedChannel(loop: self.loop)
        try channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        try server.accepted(channel)
        var greeting = JuteWriter()
        greeting.int(0)
        greeting.long(0)
        greeting.int(10_000)
        greeting.long(0)
        greeting.bytes([UInt8](repeating: 0, count: 16))
        try channel.writeInbound(greeting.frame)
        #expect(try channel.readOutbound(as: ByteBuffer.self)?.readableBytes == 40)
        return channel
    }

    private func exists(xid: Int32) -> ByteBuffer {
        var request = JuteWriter()
        request.int(xid)
        request.int(OperationCode.exists.rawValue)
        request.string("/")
        request.bool(false)
        return request.frame
    }

    private func xids(_ channel: EmbeddedChannel) throws -> [Int32] {
        var xids: [Int32] = []
        while let reply = try channel.readOutbound(as: ByteBuffer.self) {
            if let xid = reply.getInteger(at: 4, as: Int32.self) { xids.append(xid) }
        }
        return xids
    }

    @Test func whoDoesNotReadIsNotAnswered() throws {
        let channel = try self.connection()
        channel.isWritable = false
        var burst = ByteBuffer()
        for xid in Int32(1)...100 { burst.writeImmutableBuffer(self.exists(xid: xid)) }
        try channel.writeInbound(burst)
        try channel.writeInbound(self.exists(xid: 101))
        #expect(try self.xids(channel) == [])
        channel.isWritable = true
        channel.pipeline.fireChannelWritabilityChanged()
        #expect(try self.xids(channel) == Array(1...101))
        try channel.writeInbound(self.exists(xid: 102))
        #expect(try self.xids(channel) == [102])
        _ = try channel.finish()
    }

    @Test func nothingBehindNonsenseIsLookedAt() throws {
        let channel = try self.connection()
        var burst = self.exists(xid: 1)
        burst.writeInteger(Int32(-1))
        burst.writeImmutableBuffer(self.exists(xid: 2))
        try channel.writeInbound(burst)
        #expect(try self.xids(channel) == [1])
        #expect(!channel.isActive)
    }
}
