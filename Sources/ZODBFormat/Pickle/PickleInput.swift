//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// The bytes of a pickle, read instruction by instruction. Every read is checked against what is readable.
struct PickleInput {
    private(set) var buffer: ByteBuffer
    private let start: Int
    /// Whether text that is not valid UTF-8 is made valid, by whoever knows that it is not wanted.
    private let repairsText: Bool

    init(_ buffer: ByteBuffer, repairsText: Bool = false) {
        self.buffer = buffer
        self.start = buffer.readerIndex
        self.repairsText = repairsText
    }

    /// How many bytes have been read.
    var offset: Int { self.buffer.readerIndex - self.start }

    func fault(_ problem: String, at offset: Int? = nil) -> FormatError {
        FormatError("pickle", problem, at: offset ?? self.offset)
    }

    private func truncated() -> FormatError { self.fault("ends too early") }

    mutating func readOpcode() throws(FormatError) -> PickleOpcode {
        let byte = try self.readByte()
        guard let opcode = PickleOpcode(rawValue: byte) else {
            throw self.fault("unknown opcode 0x\(String(byte, radix: 16))", at: self.offset - 1)
        }
        return opcode
    }

    /// Reads a little-endian integer, the form of all but one of a pickle's binary numbers.
    mutating func readInteger<Number: FixedWidthInteger>(as type: Number.Type) throws(FormatError) -> Int {
        guard let number = self.buffer.readInteger(endianness: .little, as: Number.self) else { throw self.truncated() }
        // Only an eight-byte length can be too large for an Int, and then it is too large for every buffer.
        guard let number = Int(exactly: number) else { throw self.truncated() }
        return number
    }

    mutating func readByte() throws(FormatError) -> UInt8 {
        guard let byte = self.buffer.readInteger(as: UInt8.self) else { throw self.truncated() }
        return byte
    }

    mutating func readDouble() throws(FormatError) -> Double {
        guard let bits = self.buffer.readInteger(as: UInt64.self) else { throw self.truncated() }
        return Double(bitPattern: bits)
    }

    mutating func readSlice(_ length: Int) throws(FormatError) -> ByteBuffer {
        guard length >= 0, let slice = self.buffer.readSlice(length: length) else { throw self.truncated() }
        return slice
    }

    mutating func skip(_ length: Int) throws(FormatError) {
        guard length >= 0, length <= self.buffer.readableBytes else { throw self.truncated() }
        self.buffer.moveReaderIndex(forwardBy: length)
    }

    mutating func readString(_ length: Int) throws(FormatError) -> String {
        guard length >= 0, length <= self.buffer.readableBytes else { throw self.truncated() }
        let begin = self.offset
        if self.repairsText { return String(buffer: try self.readSlice(length)) }
        do {
            guard let string = try self.buffer.readUTF8ValidatedString(length: length) else { throw self.truncated() }
            return string
        } catch {
            throw self.fault("text that is not valid UTF-8", at: begin)
        }
    }

    /// Reads text up to a line feed, which is dropped.
    mutating func readLine() throws(FormatError) -> ByteBuffer {
        let view = self.buffer.readableBytesView
        guard let end = view.firstIndex(of: UInt8(ascii: "\n")) else { throw self.truncated() }
        let line = try self.readSlice(end - view.startIndex)
        self.buffer.moveReaderIndex(forwardBy: 1)
        return line
    }

    mutating func readTextLine() throws(FormatError) -> String {
        let begin = self.offset
        let line = try self.readLine()
        guard let text = String(validating: line.readableBytesView, as: UTF8.self) else {
            throw self.fault("text that is not valid UTF-8", at: begin)
        }
        return text
    }

    /// Checks that a frame of `length` bytes is there. Where frames end has no meaning for a pickle in memory.
    func expectFrame(_ length: Int) throws(FormatError) {
        guard length >= 0, length <= self.buffer.readableBytes else { throw self.truncated() }
    }
}
