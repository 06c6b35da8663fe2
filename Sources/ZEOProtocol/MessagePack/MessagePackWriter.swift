//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Writes MessagePack as Python's `msgpack.packb(…, use_bin_type=True)` does: each value in its shortest form.
enum MessagePackWriter {
    static func write(_ value: Int, into buffer: inout ByteBuffer) {
        if value >= 0 {
            switch value {
            case 0...0x7f: buffer.writeInteger(UInt8(value))
            case ...0xff: buffer.writeMultipleIntegers(0xcc, UInt8(value), as: (UInt8, UInt8).self)
            case ...0xffff: buffer.writeMultipleIntegers(0xcd, UInt16(value), as: (UInt8, UInt16).self)
            case ...0xffff_ffff: buffer.writeMultipleIntegers(0xce, UInt32(value), as: (UInt8, UInt32).self)
            default: buffer.writeMultipleIntegers(0xcf, UInt64(value), as: (UInt8, UInt64).self)
            }
        } else {
            switch value {
            case (-32)...: buffer.writeInteger(Int8(value))
            case (-0x80)...: buffer.writeMultipleIntegers(0xd0, Int8(value), as: (UInt8, Int8).self)
            case (-0x8000)...: buffer.writeMultipleIntegers(0xd1, Int16(value), as: (UInt8, Int16).self)
            case (-0x8000_0000)...: buffer.writeMultipleIntegers(0xd2, Int32(value), as: (UInt8, Int32).self)
            default: buffer.writeMultipleIntegers(0xd3, Int64(value), as: (UInt8, Int64).self)
            }
        }
    }

    static func write(_ value: String, into buffer: inout ByteBuffer) {
        let count = value.utf8.count
        switch count {
        case ...31: buffer.writeInteger(0xa0 | UInt8(count))
        case ...0xff: buffer.writeMultipleIntegers(0xd9, UInt8(count), as: (UInt8, UInt8).self)
        case ...0xffff: buffer.writeMultipleIntegers(0xda, UInt16(count), as: (UInt8, UInt16).self)
        default: buffer.writeMultipleIntegers(0xdb, UInt32(count), as: (UInt8, UInt32).self)
        }
        buffer.writeString(value)
    }

    static func writeBinaryHeader(_ count: Int, into buffer: inout ByteBuffer) {
        switch count {
        case ...0xff: buffer.writeMultipleIntegers(0xc4, UInt8(count), as: (UInt8, UInt8).self)
        case ...0xffff: buffer.writeMultipleIntegers(0xc5, UInt16(count), as: (UInt8, UInt16).self)
        default: buffer.writeMultipleIntegers(0xc6, UInt32(count), as: (UInt8, UInt32).self)
        }
    }

    static func writeArrayHeader(_ count: Int, into buffer: inout ByteBuffer) {
        switch count {
        case ...15: buffer.writeInteger(0x90 | UInt8(count))
        case ...0xffff: buffer.writeMultipleIntegers(0xdc, UInt16(count), as: (UInt8, UInt16).self)
        default: buffer.writeMultipleIntegers(0xdd, UInt32(count), as: (UInt8, UInt32).self)
        }
    }

    static func writeMapHeader(_ count: Int, into buffer: inout ByteBuffer) {
        switch count {
        case ...15: buffer.writeInteger(0x80 | UInt8(count))
        case ...0xffff: buffer.writeMultipleIntegers(0xde, UInt16(count), as: (UInt8, UInt16).self)
        default: buffer.writeMultipleIntegers(0xdf, UInt32(count), as: (UInt8, UInt32).self)
        }
    }

    /// Writes an integer of more than 63 bits, given as two's complement, least significant byte first. MessagePack has
    /// none beyond 64 bits; such a one can only be an identity that a pickle brought, and becomes its bytes.
    static func writeBig(_ bytes: [UInt8], into buffer: inout ByteBuffer) {
        if bytes.count == 9, bytes[8] == 0 {
            buffer.writeInteger(0xcf, as: UInt8.self)
            buffer.writeBytes(bytes[..<8].reversed())
        } else {
            self.writeBinaryHeader(bytes.count, into: &buffer)
            buffer.writeBytes(bytes)
        }
    }
}
