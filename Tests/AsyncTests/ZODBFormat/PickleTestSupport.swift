//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import ZODBFormat

/// Reads a whole pickle from bytes, and fails when any are left.
func unpickle(_ bytes: some Sequence<UInt8>, limits: PickleReader.Limits = .init()) throws -> PickleValue {
    var buffer = ByteBuffer(bytes: bytes)
    let value = try PickleReader(limits: limits).read(from: &buffer)
    guard buffer.readableBytes == 0 else { throw FormatError("pickle", "\(buffer.readableBytes) bytes behind it") }
    return value
}

/// The bytes of a pickle that is given as text of one byte a character.
func latin1(_ text: String) -> [UInt8] {
    text.unicodeScalars.map { UInt8($0.value) }
}

func pickle(_ value: PickleValue) -> [UInt8] {
    var buffer = ByteBuffer()
    PickleWriter().write(value, into: &buffer)
    return Array(buffer.readableBytesView)
}

func bytes(_ text: String) -> PickleValue { .bytes(ByteBuffer(bytes: latin1(text))) }

extension PickleValue {
    /// Text that Python's `pickles.py` prints, too: one spelling a value, sets sorted.
    var canonical: String {
        switch self {
        case .none: "N"
        case .bool(let bool): bool ? "T" : "F"
        case .int(let int): "i\(int)"
        case .bigInt(let bytes): "I" + Self.hex(bytes)
        case .float(let double):
            "f" + Self.hex((0..<8).map { UInt8(truncatingIfNeeded: double.bitPattern >> (56 - 8 * $0)) })
        case .string(let string): "s" + Self.hex(Array(string.utf8))
        case .bytes(let bytes): "b" + Self.hex(Array(bytes.readableBytesView))
        case .byteArray(let bytes): "a" + Self.hex(Array(bytes.readableBytesView))
        case .tuple(let elements): "(" + Self.join(elements) + ")"
        case .list(let elements): "[" + Self.join(elements) + "]"
        case .dict(let items):
            "{" + items.map { $0.key.canonical + ":" + $0.value.canonical }.joined(separator: ",") + "}"
        case .set(let elements): "<" + elements.map(\.canonical).sorted().joined(separator: ",") + ">"
        case .frozenSet(let elements): "z<" + elements.map(\.canonical).sorted().joined(separator: ",") + ">"
        case .global(let global): "g\(global)"
        case .persistentID(let id): "P" + id.canonical
        case .object(let object):
            "o" + object.callable.canonical + object.arguments.canonical
                + (object.state.map { "|" + $0.canonical } ?? "")
        }
    }

    private static func join(_ values: [PickleValue]) -> String { values.map(\.canonical).joined(separator: ",") }

    private static func hex(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef")
        return String(bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
    }
}

extension ByteBuffer {
    /// The bytes that pairs of hexadecimal digits say.
    init(hexadecimal digits: some StringProtocol) {
        self.init()
        var high: UInt8?
        for digit in digits.utf8 {
            let nibble = digit < 0x60 ? digit - 0x30 : digit - 0x57
            if let first = high {
                self.writeInteger(first << 4 | nibble)
                high = nil
            } else {
                high = nibble
            }
        }
    }

    /// The readable bytes as pairs of hexadecimal digits.
    var hexadecimal: String { String(PickleValue.bytes(self).canonical.dropFirst()) }
}
