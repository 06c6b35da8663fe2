//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ZODBFormat

/// An integer of any size, as Python has them: read, written, compared and printed, but not reckoned with.
public struct BigInteger: Hashable, Sendable {
    /// The two's complement, least significant byte first, as short as it can be; zero has no bytes.
    public let bytes: [UInt8]

    /// The integer whose two's complement is `bytes`, least significant byte first, of any length.
    public init(twosComplement bytes: some Sequence<UInt8>) {
        switch PickleInteger.value(ofLittleEndian: Array(bytes)) {
        case .bigInt(let bytes): self.bytes = bytes
        case .int(let int): self.bytes = PickleInteger.littleEndian(int)
        default: preconditionFailure("a two's complement is an integer")
        }
    }

    /// The integer that equals `value`.
    public init(_ value: some BinaryInteger) {
        var bytes: [UInt8] = []
        for word in value.words {
            for shift in stride(from: 0, to: UInt.bitWidth, by: 8) {
                bytes.append(UInt8(truncatingIfNeeded: word >> UInt(shift)))
            }
        }
        if value >= 0 { bytes.append(0) }
        self.init(twosComplement: bytes)
    }

    /// Whether it is less than zero.
    public var isNegative: Bool { (self.bytes.last ?? 0) & 0x80 != 0 }
}

extension BigInteger: CustomStringConvertible, LosslessStringConvertible {
    /// The decimal digits, behind a minus sign for numbers below zero.
    public var description: String { PickleInteger.decimal(ofLittleEndian: self.bytes) }

    /// The integer that `description` writes in decimal digits; `nil` when it is anything else.
    public init?(_ description: String) {
        guard !description.hasPrefix("+") else { return nil }
        switch PickleInteger.value(ofDecimal: description) {
        case .bigInt(let bytes): self.bytes = bytes
        case .int(let int): self.bytes = PickleInteger.littleEndian(int)
        default: return nil
        }
    }
}
