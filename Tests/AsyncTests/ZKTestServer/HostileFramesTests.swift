//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing

@testable import ZKTestServer

/// Bytes that no client should send: they cost their connection, and nothing else.
@Suite(.timeLimit(.minutes(1))) struct HostileFramesTests {
    /// What stands in place of a greeting.
    static let greetings: [[UInt8]] = [
        [0xff, 0xff, 0xff, 0xff],
        [0x80, 0, 0, 0],
        [0x7f, 0xff, 0xff, 0xff],
        [0, 0x10, 0, 0],
        [0, 0, 0, 0],
        [0, 0, 0, 3, 1, 2, 3],
        Array("GET / HTTP/1.1\r\n\r\n".utf8),
        // A password of a length that is not there.
        [0, 0, 0, 28] + [UInt8](repeating: 0, count: 24) + [0x7f, 0xff, 0xff, 0xff],
        [0, 0, 0, 28] + [UInt8](repeating: 0, count: 24) + [0x80, 0, 0, 0],
    ]

    @Test(arguments: greetings) func aNonsensicalGreetingClosesTheConnection(_ bytes: [UInt8]) async throws {
        try await ZKTestServer.withServer { server in
            let witness = try await WireClient(port: server.port)
            try await witness.greet()
            let client = try await WireClient(port: server.port)
            try await client.send(raw: bytes)
            try await client.waitForEnd()
            #expect(try await witness.exists("/"))
            #expect(await server.sessionIDs().count == 1)
        }
    }

    /// The code of an operation, and what stands in place of its arguments.
    static let bodies: [(Int32, [UInt8])] = [
        // Strings: longer than the frame, far longer, negative.
        (4, [0, 0, 0, 9, 0x2f]),
        (4, [0x7f, 0xff, 0xff, 0xff, 0x2f]),
        (4, [0x80, 0, 0, 0]),
        (4, []),
        // A null path.
        (3, [0xff, 0xff, 0xff, 0xff, 0]),
        // No flag behind the path.
        (8, [0, 0, 0, 1, 0x2f]),
        // Vectors of watches and of access lists, absurd and negative.
        (101, [UInt8](repeating: 0, count: 8) + [0x7f, 0xff, 0xff, 0xff]),
        (101, [UInt8](repeating: 0, count: 8) + [0x80, 0, 0, 0]),
        (101, [UInt8](repeating: 0, count: 8) + [0, 0, 0, 2, 0, 0, 0, 1, 0x2f]),
        (1, [0, 0, 0, 2, 0x2f, 0x61, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff]),
        (7, [0, 0, 0, 2, 0x2f, 0x61, 0x10, 0, 0, 0]),
        // A multi of unknown parts, of none that ends, and within itself.
        (14, [0, 0, 0, 99, 0, 0, 0, 0, 0]),
        (14, [0, 0, 0, 7, 0, 0, 0, 0, 0]),
        (14, [0, 0, 0, 13, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x2f, 0xff, 0xff, 0xff, 0xff]),
        (14, [0, 0, 0, 14, 0, 0, 0, 0, 0]),
        (22, [0, 0, 0, 5, 0, 0, 0, 0, 0]),
        (100, [0, 0, 0, 0, 0, 0, 0, 1]),
        (106, [0, 0, 0, 1, 0x2f]),
    ]

    @Test(arguments: bodies) func anUnreadableRequestClosesTheConnection(_ code: Int32, _ body: [UInt8]) async throws {
        try await ZKTestServer.withServer { server in
            let witness = try await WireClient(port: server.port)
            try await witness.greet()
            let client = try await WireClient(port: server.port)
            let session = try await client.greet()
            var frame = ByteBuffer()
            frame.writeInteger(Int32(8 + body.count))
            frame.writeInteger(Int32(77))
            frame.writeInteger(code)
            frame.writeBytes(body)
            try await client.send(raw: Array(frame.readableBytesView))
            var reply = try await client.frame()
            #expect(try reply.int() == 77)
            _ = try reply.long()
            #expect(try reply.int() == ZooKeeperCode.marshallingError.rawValue)
            try await client.waitForEnd()
            // The session survives, and so do others.
            let again = try await WireClient(port: server.port)
            #expect(try await again.greet(session: session.sessionID, password: session.password) == session)
            #expect(try await witness.exists("/"))
        }
    }

    @Test func nothingIsAllocatedOnTheWordOfALength() throws {
        var decoder = FrameDecoder()
        var buffer = ByteBuffer(integer: Int32(FrameDecoder.largest + 1))
        #expect(throws: MalformedFrame.self) { try decoder.decode(buffer: &buffer) }
        buffer = ByteBuffer(integer: Int32(FrameDecoder.largest))
        #expect(try decoder.decode(buffer: &buffer) == nil)
        #expect(buffer.capacity < 1024)

        var reader = JuteReader(ByteBuffer(integer: Int32.max))
        #expect(throws: MalformedFrame.self) {
            try reader.vector(smallest: 1) { reader throws(MalformedFrame) in try reader.bool() }
        }
        reader = JuteReader(ByteBuffer(integer: Int32.max))
        #expect(throws: MalformedFrame.self) { try reader.bytes() }
    }

    @Test func framesArriveInAnyPieces() throws {
        var decoder = FrameDecoder()
        var buffer = ByteBuffer()
        var frames: [FrameDecoder.Message] = []
        for byte: UInt8 in [0, 0, 0, 2, 7, 8, 0, 0, 0, 0, 0, 0, 0, 1, 9] {
            buffer.writeInteger(byte)
            while let frame = try decoder.decode(buffer: &buffer) { frames.append(frame) }
        }
        #expect(frames == [.frame(ByteBuffer(bytes: [7, 8])), .frame(ByteBuffer()), .frame(ByteBuffer(bytes: [9]))])
    }

    @Test func fourLettersAreWordsOnlyInFront() throws {
        for word in FourLetterWord.allCases {
            var decoder = FrameDecoder()
            var buffer = ByteBuffer(string: word.rawValue)
            #expect(try decoder.decode(buffer: &buffer) == .word(word))
            decoder = FrameDecoder()
            buffer = ByteBuffer(bytes: [0, 0, 0, 0] + Array(word.rawValue.utf8))
            #expect(try decoder.decode(buffer: &buffer) == .frame(ByteBuffer()))
            #expect(throws: MalformedFrame.self) { try decoder.decode(buffer: &buffer) }
        }
    }
}
