//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Bytes that are not what they should be; the connection that sent them is closed.
struct MalformedFrame: Error, Equatable {
    var reason: String
}

/// Reads ZooKeeper's "jute" encoding out of one frame: big-endian numbers, lengths before strings, buffers and vectors.
///
/// Nothing is allocated on the word of a length: it is compared with the bytes that are there first.
struct JuteReader {
    private var buffer: ByteBuffer

    init(_ frame: ByteBuffer) {
        self.buffer = frame
    }

    var isAtEnd: Bool { self.buffer.readableBytes == 0 }

    mutating func int() throws(MalformedFrame) -> Int32 { try self.integer() }

    mutating func long() throws(MalformedFrame) -> Int64 { try self.integer() }

    mutating func bool() throws(MalformedFrame) -> Bool { try self.integer(as: UInt8.self) != 0 }

    /// A length of -1 is null.
    mutating func bytes() throws(MalformedFrame) -> [UInt8]? {
        let length = try self.int()
        if length == -1 { return nil }
        guard length >= 0, let bytes = self.buffer.readBytes(length: Int(length)) else {
            throw MalformedFrame(reason: "a buffer is longer than its frame")
        }
        return bytes
    }

    /// A null string reads as an empty one; where that matters there is `path()`.
    mutating func string() throws(MalformedFrame) -> String {
        String(decoding: try self.bytes() ?? [], as: UTF8.self)
    }

    /// A path may be empty, but not null.
    mutating func path() throws(MalformedFrame) -> ZNodePath {
        guard let bytes = try self.bytes() else { throw MalformedFrame(reason: "a path is null") }
        return ZNodePath(String(decoding: bytes, as: UTF8.self))
    }

    /// A vector whose elements take at least `smallest` bytes each; null reads as empty.
    mutating func vector<Element>(
        smallest: Int,
        _ element: (inout JuteReader) throws(MalformedFrame) -> Element
    ) throws(MalformedFrame) -> [Element] {
        let count = try self.int()
        if count == -1 { return [] }
        guard count >= 0, Int(count) * smallest <= self.buffer.readableBytes else {
            throw MalformedFrame(reason: "a vector is longer than its frame")
        }
        var elements: [Element] = []
        for _ in 0..<count { elements.append(try element(&self)) }
        return elements
    }

    private mutating func integer<Integer: FixedWidthInteger>(
        as: Integer.Type = Integer.self
    ) throws(MalformedFrame) -> Integer {
        guard let value = self.buffer.readInteger(as: Integer.self) else {
            throw MalformedFrame(reason: "a frame ends within a number")
        }
        return value
    }
}
