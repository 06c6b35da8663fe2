//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import ZODBFormat

/// Writes plain values in either format, byte for byte as Python's ZEO does.
///
/// A message that gets too long is not written to its end. The writer looks before everything whose length somebody else
/// chose, and allows for the few bytes around it.
struct MessageWriter {
    let format: WireFormat
    var buffer: ByteBuffer
    /// Where the message has to end.
    private let end: Int
    /// Whether the message did not fit, so that what was written is of no use.
    private(set) var isTooLong = false

    /// A writer that appends at most `limit` bytes, and some for brackets, to `buffer`, which is empty until it is put
    /// back.
    init(_ format: WireFormat, taking buffer: inout ByteBuffer, limit: Int) {
        self.format = format
        self.buffer = ByteBuffer()
        swap(&self.buffer, &buffer)
        self.end = min(self.buffer.writerIndex + min(limit, SizedFrame.longestBody), SizedFrame.longestBody)
    }

    /// Whether so many bytes, and what says what they are, may be written.
    private mutating func hasRoom(for count: Int) -> Bool {
        // Without addition: a length may be as large as there are numbers.
        if count > self.end - self.buffer.writerIndex - Self.longestHeader { self.isTooLong = true }
        return !self.isTooLong
    }

    /// What stands in front of a value at most, or is a small value.
    private static let longestHeader = 16

    mutating func start() {
        if self.format == .pickle { self.buffer.writeMultipleIntegers(0x80, 3, as: (UInt8, UInt8).self) }
    }

    mutating func stop() {
        if self.format == .pickle { self.opcode(".") }
    }

    mutating func startTuple(_ count: Int) {
        switch self.format {
        case .pickle: if count > 3 { self.opcode("(") }
        case .messagePack: MessagePackWriter.writeArrayHeader(count, into: &self.buffer)
        }
    }

    /// Ends a tuple of `count` elements.
    mutating func endTuple(_ count: Int) {
        guard self.format == .pickle else { return }
        switch count {
        case 0: self.opcode(")")
        case 1...3: self.buffer.writeInteger(0x84 + UInt8(count))
        default: self.opcode("t")
        }
    }

    mutating func writeNone() {
        switch self.format {
        case .pickle: self.opcode("N")
        case .messagePack: self.buffer.writeInteger(0xc0, as: UInt8.self)
        }
    }

    mutating func write(_ value: Bool) {
        switch self.format {
        case .pickle: self.buffer.writeInteger(value ? 0x88 : 0x89, as: UInt8.self)
        case .messagePack: self.buffer.writeInteger(value ? 0xc3 : 0xc2, as: UInt8.self)
        }
    }

    mutating func write(_ value: Int) {
        guard self.format == .pickle else { return MessagePackWriter.write(value, into: &self.buffer) }
        if let byte = UInt8(exactly: value) {
            self.buffer.writeMultipleIntegers(UInt8(ascii: "K"), byte)
        } else if let short = UInt16(exactly: value) {
            self.opcode("M")
            self.buffer.writeInteger(short, endianness: .little)
        } else if let word = Int32(exactly: value) {
            self.opcode("J")
            self.buffer.writeInteger(word, endianness: .little)
        } else {
            // LONG1: two's complement, least significant byte first, as short as it can be.
            let significant = 64 - (value < 0 ? ~value : value).leadingZeroBitCount
            let length = significant / 8 + 1
            self.buffer.writeMultipleIntegers(0x8a as UInt8, UInt8(length))
            for index in 0..<length {
                self.buffer.writeInteger(UInt8(truncatingIfNeeded: value >> (8 * index)))
            }
        }
    }

    mutating func write(_ value: Double) {
        switch self.format {
        case .pickle: self.opcode("G")
        case .messagePack: self.buffer.writeInteger(0xcb, as: UInt8.self)
        }
        self.buffer.writeInteger(value.bitPattern)
    }

    mutating func write(_ value: String) {
        guard self.hasRoom(for: value.utf8.count) else { return }
        switch self.format {
        case .pickle:
            self.opcode("X")
            self.buffer.writeInteger(UInt32(value.utf8.count), endianness: .little)
            self.buffer.writeString(value)
        case .messagePack:
            MessagePackWriter.write(value, into: &self.buffer)
        }
    }

    mutating func write(_ identifier: some EightByteIdentifier) {
        guard self.hasRoom(for: 8) else { return }
        self.writeBytesHeader(8)
        self.buffer.writeIdentifier(identifier)
    }

    mutating func write(_ data: ByteBuffer) {
        guard self.hasRoom(for: data.readableBytes) else { return }
        self.writeBytesHeader(data.readableBytes)
        self.buffer.writeImmutableBuffer(data)
    }

    mutating func writeBytesHeader(_ count: Int) {
        switch (self.format, UInt8(exactly: count)) {
        case (.pickle, .some(let count)):
            self.buffer.writeMultipleIntegers(UInt8(ascii: "C"), count)
        case (.pickle, .none):
            self.opcode("B")
            self.buffer.writeInteger(UInt32(count), endianness: .little)
        case (.messagePack, _):
            MessagePackWriter.writeBinaryHeader(count, into: &self.buffer)
        }
    }

    /// Writes a list; `writeElement` writes one element of it.
    mutating func writeList<Elements: Collection>(
        _ elements: Elements,
        _ writeElement: (inout MessageWriter, Elements.Element) -> Void
    ) {
        // Each element takes a byte at least.
        guard self.hasRoom(for: elements.count) else { return }
        switch self.format {
        case .pickle:
            self.opcode("]")
            if elements.count > 1 { self.opcode("(") }
            for element in elements where !self.isTooLong { writeElement(&self, element) }
            if !elements.isEmpty { self.opcode(elements.count > 1 ? "e" : "a") }
        case .messagePack:
            MessagePackWriter.writeArrayHeader(elements.count, into: &self.buffer)
            for element in elements where !self.isTooLong { writeElement(&self, element) }
        }
    }

    /// Writes a dictionary.
    mutating func write(_ items: [PickleItem]) {
        guard self.hasRoom(for: items.count) else { return }
        switch self.format {
        case .pickle:
            self.opcode("}")
            if items.count > 1 { self.opcode("(") }
        case .messagePack:
            MessagePackWriter.writeMapHeader(items.count, into: &self.buffer)
        }
        for item in items where !self.isTooLong {
            self.write(item.key)
            self.write(item.value)
        }
        if self.format == .pickle, !items.isEmpty { self.opcode(items.count > 1 ? "u" : "s") }
    }

    /// Writes a value of plain data.
    mutating func write(_ value: PickleValue) {
        guard self.hasRoom(for: 0) else { return }
        switch value {
        case .none: self.writeNone()
        case .bool(let value): self.write(value)
        case .int(let value): self.write(value)
        case .bigInt(let bytes): self.writeBig(bytes)
        case .float(let value): self.write(value)
        case .string(let value): self.write(value)
        case .bytes(let data), .byteArray(let data): self.write(data)
        case .tuple(let elements):
            guard self.hasRoom(for: elements.count) else { return }
            self.startTuple(elements.count)
            for element in elements { self.write(element) }
            self.endTuple(elements.count)
        case .list(let elements), .set(let elements), .frozenSet(let elements):
            self.writeList(elements) { $0.write($1) }
        case .dict(let items): self.write(items)
        case .global, .persistentID, .object:
            preconditionFailure("A message holds plain data, and a reader lets nothing else in.")
        }
    }

    private mutating func writeBig(_ bytes: [UInt8]) {
        guard self.hasRoom(for: bytes.count) else { return }
        switch self.format {
        case .pickle where bytes.count < 256:
            self.buffer.writeMultipleIntegers(0x8a as UInt8, UInt8(bytes.count))
            self.buffer.writeBytes(bytes)
        case .pickle:
            self.buffer.writeInteger(0x8b, as: UInt8.self)
            self.buffer.writeInteger(UInt32(bytes.count), endianness: .little)
            self.buffer.writeBytes(bytes)
        case .messagePack:
            MessagePackWriter.writeBig(bytes, into: &self.buffer)
        }
    }

    private mutating func opcode(_ opcode: Unicode.Scalar) {
        self.buffer.writeInteger(UInt8(ascii: opcode))
    }
}
