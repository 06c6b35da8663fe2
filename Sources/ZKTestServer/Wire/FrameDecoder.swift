//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Cuts the bytes of a connection into frames. Before the first frame four letters may stand in place of its length.
///
/// Invariant: no more than one frame is ever waited for, and none of more than `largest` bytes.
struct FrameDecoder: NIOSingleStepByteToMessageDecoder {
    enum Message: Equatable {
        case frame(ByteBuffer)
        /// `ruok` and its like: questions of people and monitors.
        case word(FourLetterWord)
    }

    typealias InboundOut = Message

    /// ZooKeeper's `jute.maxbuffer`.
    static let largest = 0xf_ffff

    private var isFirst = true

    mutating func decode(buffer: inout ByteBuffer) throws -> Message? {
        guard let length = buffer.getInteger(at: buffer.readerIndex, as: Int32.self) else { return nil }
        if self.isFirst, let word = FourLetterWord(length: length) {
            buffer.moveReaderIndex(forwardBy: 4)
            return .word(word)
        }
        guard (0...Self.largest).contains(Int(length)) else {
            throw MalformedFrame(reason: "a frame's length is negative or too large")
        }
        guard buffer.readableBytes >= 4 + Int(length) else { return nil }
        buffer.moveReaderIndex(forwardBy: 4)
        self.isFirst = false
        return buffer.readSlice(length: Int(length)).map { .frame($0) }
    }

    mutating func decodeLast(buffer: inout ByteBuffer, seenEOF: Bool) throws -> Message? {
        try self.decode(buffer: &buffer)
    }
}
