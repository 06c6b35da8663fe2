//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import ZODBFormat

/// Clients name a transaction that they want to undo by the base64 text of its identifier.
extension TransactionID {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// The twelve letters that stand for the eight bytes.
    var base64: ByteBuffer {
        var text = ByteBuffer()
        for shift in stride(from: 58, through: 4, by: -6) {
            text.writeInteger(Self.alphabet[Int(self.rawValue >> UInt64(shift) & 63)])
        }
        text.writeInteger(Self.alphabet[Int(self.rawValue << 2 & 63)])
        text.writeInteger(UInt8(ascii: "="))
        return text
    }

    /// The identifier that such a text stands for; line ends in it do not count. `nil` for any other text.
    init?(base64 text: ByteBuffer) {
        let letters = text.readableBytesView.filter { $0 != 0x0a && $0 != 0x0d }
        guard letters.count == 12, letters[11] == UInt8(ascii: "=") else { return nil }
        var value: UInt64 = 0
        for (place, letter) in letters.prefix(11).enumerated() {
            guard let digit = Self.alphabet.firstIndex(of: letter) else { return nil }
            if place == 10 {
                value = value << 4 | UInt64(digit >> 2)
            } else {
                value = value << 6 | UInt64(digit)
            }
        }
        self.init(rawValue: value)
    }
}
