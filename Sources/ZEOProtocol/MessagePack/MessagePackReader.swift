//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import NIOCore
public import ZODBFormat

/// Reads MessagePack as Python's `msgpack.unpackb(…, raw=False, use_list=False)` does, within bounds.
///
/// Arrays become tuples. Extension types and map keys that are neither text nor bytes are refused, as they are there.
public struct MessagePackReader: Sendable {
    /// How deep values may be nested.
    public var maximumDepth: Int
    /// How many values there may be altogether.
    public var maximumValues: Int

    /// A reader with the given bounds.
    public init(maximumDepth: Int = 100, maximumValues: Int = 4_000_000) {
        self.maximumDepth = maximumDepth
        self.maximumValues = maximumValues
    }

    /// Reads the one value that `buffer` holds; anything behind it is an error.
    public func read(_ buffer: ByteBuffer) throws(FormatError) -> PickleValue {
        var cursor = Cursor(
            buffer: buffer,
            start: buffer.readerIndex,
            valuesLeft: self.maximumValues,
            maximumDepth: self.maximumDepth
        )
        let value = try cursor.value(depth: 0)
        guard cursor.buffer.readableBytes == 0 else { throw cursor.error("bytes follow the value") }
        return value
    }

    private struct Cursor {
        var buffer: ByteBuffer
        let start: Int
        var valuesLeft: Int
        let maximumDepth: Int

        func error(_ problem: String) -> FormatError {
            FormatError("MessagePack", problem, at: self.buffer.readerIndex - self.start)
        }

        mutating func value(depth: Int) throws(FormatError) -> PickleValue {
            guard depth <= self.maximumDepth else { throw self.error("nested too deep") }
            guard self.valuesLeft > 0 else { throw self.error("too many values") }
            self.valuesLeft -= 1
            let code = try self.integer(UInt8.self)
            switch code {
            case 0x00...0x7f: return .int(Int(code))
            case 0x80...0x8f: return try self.map(Int(code & 0x0f), depth: depth)
            case 0x90...0x9f: return try self.array(Int(code & 0x0f), depth: depth)
            case 0xa0...0xbf: return try self.text(Int(code & 0x1f))
            case 0xc0: return .none
            case 0xc2: return .bool(false)
            case 0xc3: return .bool(true)
            case 0xc4: return .bytes(try self.slice(Int(self.integer(UInt8.self))))
            case 0xc5: return .bytes(try self.slice(Int(self.integer(UInt16.self))))
            case 0xc6: return .bytes(try self.slice(Int(self.integer(UInt32.self))))
            case 0xca: return .float(Double(Float(bitPattern: try self.integer(UInt32.self))))
            case 0xcb: return .float(Double(bitPattern: try self.integer(UInt64.self)))
            case 0xcc: return .int(Int(try self.integer(UInt8.self)))
            case 0xcd: return .int(Int(try self.integer(UInt16.self)))
            case 0xce: return .int(Int(try self.integer(UInt32.self)))
            case 0xcf: return Self.unsigned(try self.integer(UInt64.self))
            case 0xd0: return .int(Int(try self.integer(Int8.self)))
            case 0xd1: return .int(Int(try self.integer(Int16.self)))
            case 0xd2: return .int(Int(try self.integer(Int32.self)))
            case 0xd3: return .int(Int(try self.integer(Int64.self)))
            case 0xd9: return try self.text(Int(self.integer(UInt8.self)))
            case 0xda: return try self.text(Int(self.integer(UInt16.self)))
            case 0xdb: return try self.text(Int(self.integer(UInt32.self)))
            case 0xdc: return try self.array(Int(self.integer(UInt16.self)), depth: depth)
            case 0xdd: return try self.array(Int(self.integer(UInt32.self)), depth: depth)
            case 0xde: return try self.map(Int(self.integer(UInt16.self)), depth: depth)
            case 0xdf: return try self.map(Int(self.integer(UInt32.self)), depth: depth)
            case 0xe0...0xff: return .int(Int(Int8(bitPattern: code)))
            default: throw self.error("type 0x\(String(code, radix: 16)) is not allowed")
            }
        }

        private static func unsigned(_ value: UInt64) -> PickleValue {
            if let small = Int(exactly: value) { return .int(small) }
            return .bigInt((0..<8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } + [0])
        }

        private mutating func integer<T: FixedWidthInteger>(_ type: T.Type) throws(FormatError) -> T {
            guard let value = self.buffer.readInteger(as: type) else { throw self.error("cut off") }
            return value
        }

        private mutating func slice(_ count: Int) throws(FormatError) -> ByteBuffer {
            guard let slice = self.buffer.readSlice(length: count) else { throw self.error("cut off") }
            return slice
        }

        private mutating func text(_ count: Int) throws(FormatError) -> PickleValue {
            let bytes = try self.slice(count)
            guard let text = String(validating: bytes.readableBytesView, as: UTF8.self) else {
                throw self.error("text is not UTF-8")
            }
            return .string(text)
        }

        /// Each element takes a byte at least, so a count beyond the bytes that are left is a lie.
        private func check(_ count: Int) throws(FormatError) {
            guard count <= self.buffer.readableBytes, count <= self.valuesLeft else {
                throw self.error("\(count) elements are announced, but fewer can follow")
            }
        }

        private mutating func array(_ count: Int, depth: Int) throws(FormatError) -> PickleValue {
            try self.check(count)
            var elements: [PickleValue] = []
            elements.reserveCapacity(min(count, 64))
            for _ in 0..<count { elements.append(try self.value(depth: depth + 1)) }
            return .tuple(elements)
        }

        private mutating func map(_ count: Int, depth: Int) throws(FormatError) -> PickleValue {
            try self.check(2 * count)
            var items: [PickleItem] = []
            items.reserveCapacity(min(count, 64))
            for _ in 0..<count {
                let key = try self.value(depth: depth + 1)
                switch key {
                case .string, .bytes: break
                default: throw self.error("a key is neither text nor bytes")
                }
                items.append(PickleItem(key, try self.value(depth: depth + 1)))
            }
            return .dict(items)
        }
    }
}
