//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import NIOCore
import ZODBFormat

/// The frames of a ZEO conversation: four bytes of length, most significant first, and that many bytes.
public enum SizedFrame {
    /// The size of a frame's length.
    public static let headerSize = 4

    /// The longest body in bytes. Four bytes of length could say a little more, but a buffer, which holds not much more
    /// than that, has to hold the frame as well.
    public static let longestBody = Int(UInt32.max) - 4096

    /// Appends a frame around `body`.
    public static func write(_ body: some Collection<UInt8>, into buffer: inout ByteBuffer) {
        self.write(into: &buffer) { buffer in _ = buffer.writeBytes(body) }
    }

    /// Appends a frame around what `body` appends: something short. For messages see `WireFormat`, which does not trust
    /// them to be short.
    @inlinable
    public static func write(into buffer: inout ByteBuffer, body: (inout ByteBuffer) -> Void) {
        let start = buffer.writerIndex
        buffer.writeInteger(0, as: UInt32.self)
        body(&buffer)
        buffer.setInteger(UInt32(buffer.writerIndex - start - Self.headerSize), at: start)
    }
}

/// Cuts a stream of bytes into the bodies of frames, none longer than allowed.
///
/// A stranger gets little room: only from the third frame on, behind the greeting and the first call, does the larger
/// limit hold.
public struct SizedFrameDecoder: NIOSingleStepByteToMessageDecoder {
    public typealias InboundOut = ByteBuffer

    /// The largest body in bytes.
    public let limit: Int
    /// The largest body of the first two frames in bytes.
    public let introductionLimit: Int

    private var framesRead = 0

    /// A decoder for bodies of at most `limit` bytes, the first two of at most `introductionLimit`.
    public init(limit: Int, introductionLimit: Int = 64 * 1024) {
        self.limit = limit
        self.introductionLimit = min(limit, introductionLimit)
    }

    /// The body of the next frame, when it is complete. Throws `FormatError` for a length beyond the limit, as soon as
    /// the length is read.
    public mutating func decode(buffer: inout ByteBuffer) throws -> ByteBuffer? {
        guard let length = buffer.getInteger(at: buffer.readerIndex, as: UInt32.self) else { return nil }
        let allowed = self.framesRead < 2 ? self.introductionLimit : self.limit
        guard Int(length) <= allowed else {
            throw FormatError("frame", "\(length) bytes are announced, at most \(allowed) are allowed")
        }
        guard buffer.readableBytes >= SizedFrame.headerSize + Int(length) else { return nil }
        buffer.moveReaderIndex(forwardBy: SizedFrame.headerSize)
        self.framesRead = min(self.framesRead + 1, 2)
        return buffer.readSlice(length: Int(length))
    }

    /// Like `decode(buffer:)`; a frame that the end of the stream cuts off is dropped.
    public mutating func decodeLast(buffer: inout ByteBuffer, seenEOF: Bool) throws -> ByteBuffer? {
        try self.decode(buffer: &buffer)
    }
}
