//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// The escapes of protocol 0's text forms.
enum PickleText {
    /// The bytes of a quoted Python 2 string (`'a\n\x00'`); `nil` where the quotes or an escape are wrong.
    static func bytes(ofQuoted line: ByteBuffer) -> ByteBuffer? {
        var text = line.readableBytesView[...]
        while let last = text.last, [0x20, 0x09, 0x0d].contains(last) { text.removeLast() }
        guard let quote = text.first, quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\""), text.count >= 2,
            text.last == quote
        else { return nil }
        text = text.dropFirst().dropLast()
        guard text.contains(UInt8(ascii: "\\")) else { return ByteBuffer(text) }
        var bytes = ByteBuffer()
        bytes.reserveCapacity(text.count)
        while let byte = text.popFirst() {
            guard byte == UInt8(ascii: "\\") else {
                bytes.writeInteger(byte)
                continue
            }
            guard let escape = text.popFirst() else { return nil }
            switch escape {
            case UInt8(ascii: "\\"), UInt8(ascii: "'"), UInt8(ascii: "\""): bytes.writeInteger(escape)
            case UInt8(ascii: "a"): bytes.writeInteger(UInt8(0x07))
            case UInt8(ascii: "b"): bytes.writeInteger(UInt8(0x08))
            case UInt8(ascii: "f"): bytes.writeInteger(UInt8(0x0c))
            case UInt8(ascii: "n"): bytes.writeInteger(UInt8(0x0a))
            case UInt8(ascii: "r"): bytes.writeInteger(UInt8(0x0d))
            case UInt8(ascii: "t"): bytes.writeInteger(UInt8(0x09))
            case UInt8(ascii: "v"): bytes.writeInteger(UInt8(0x0b))
            case UInt8(ascii: "x"):
                guard let code = self.hexadecimal(text.prefix(2), digits: 2) else { return nil }
                bytes.writeInteger(UInt8(truncatingIfNeeded: code))
                text = text.dropFirst(2)
            case UInt8(ascii: "0")...UInt8(ascii: "7"):
                var code = UInt32(escape - UInt8(ascii: "0"))
                for digit in text.prefix(2) {
                    guard (UInt8(ascii: "0")...UInt8(ascii: "7")).contains(digit) else { break }
                    code = code * 8 + UInt32(digit - UInt8(ascii: "0"))
                    text.removeFirst()
                }
                bytes.writeInteger(UInt8(truncatingIfNeeded: code))
            default:
                // Python keeps what it does not know.
                bytes.writeBytes([byte, escape])
            }
        }
        return bytes
    }

    /// The string of raw-unicode-escape text: Latin-1, `\uXXXX` and `\UXXXXXXXX`; `nil` where an escape is wrong or
    /// names no character.
    static func string(ofRawUnicodeEscape line: ByteBuffer) -> String? {
        var text = line.readableBytesView[...]
        var scalars = String.UnicodeScalarView()
        while let byte = text.popFirst() {
            scalars.append(Unicode.Scalar(byte))
            guard byte == UInt8(ascii: "\\"), let escape = text.popFirst() else { continue }
            guard escape == UInt8(ascii: "u") || escape == UInt8(ascii: "U") else {
                scalars.append(Unicode.Scalar(escape))
                continue
            }
            let digits = escape == UInt8(ascii: "u") ? 4 : 8
            guard let code = self.hexadecimal(text.prefix(digits), digits: digits), let scalar = Unicode.Scalar(code)
            else { return nil }
            scalars.removeLast()
            scalars.append(scalar)
            text = text.dropFirst(digits)
        }
        return String(scalars)
    }

    /// The float of decimal text, `nil` for other text.
    static func double(of text: String) -> Double? {
        // Swift alone reads hexadecimal floats.
        text.utf8.contains(where: { $0 | 0x20 == UInt8(ascii: "x") }) ? nil : Double(text)
    }

    private static func hexadecimal(_ text: some Collection<UInt8>, digits: Int) -> UInt32? {
        guard text.count == digits else { return nil }
        var code: UInt32 = 0
        for byte in text {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): code = code << 4 | UInt32(byte - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): code = code << 4 | UInt32(byte - UInt8(ascii: "a") + 10)
            case UInt8(ascii: "A")...UInt8(ascii: "F"): code = code << 4 | UInt32(byte - UInt8(ascii: "A") + 10)
            default: return nil
            }
        }
        return code
    }
}
