//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// An integer of any size, as Python has them: read, written, compared and printed, but not reckoned with.
public struct BigInteger: Hashable, Sendable {
    /// The two's complement, least significant byte first, as short as it can be; zero has no bytes.
    public let bytes: [UInt8]

    /// The integer whose two's complement is `bytes`, least significant byte first, of any length.
    public init(twosComplement bytes: some Sequence<UInt8>) {
        var bytes = Array(bytes)
        while let last = bytes.last {
            let sign = bytes.dropLast().last.map { $0 & 0x80 } ?? 0
            guard last == 0 && sign == 0 || last == 0xff && sign == 0x80 else { break }
            bytes.removeLast()
        }
        self.bytes = bytes
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
    public var description: String {
        var limbs = Self.limbs(ofMagnitude: self.bytes, negated: self.isNegative)
        var groups: [String] = []
        while limbs.contains(where: { $0 != 0 }) {
            var remainder: UInt64 = 0
            for index in limbs.indices.reversed() {
                let dividend = remainder << 32 | UInt64(limbs[index])
                limbs[index] = UInt32(dividend / 1_000_000_000)
                remainder = dividend % 1_000_000_000
            }
            while limbs.last == 0 { limbs.removeLast() }
            let digits = String(remainder)
            groups.append(limbs.isEmpty ? digits : String(repeating: "0", count: 9 - digits.count) + digits)
        }
        guard !groups.isEmpty else { return "0" }
        return (self.isNegative ? "-" : "") + groups.reversed().joined()
    }

    /// The integer that `description` writes in decimal digits; `nil` when it is anything else.
    public init?(_ description: String) {
        let isNegative = description.hasPrefix("-")
        let digits = description.utf8.dropFirst(isNegative ? 1 : 0)
        guard !digits.isEmpty, digits.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        var limbs: [UInt32] = []
        for digit in digits {
            var carry = UInt64(digit - 0x30)
            for index in limbs.indices {
                let sum = UInt64(limbs[index]) * 10 + carry
                limbs[index] = UInt32(truncatingIfNeeded: sum)
                carry = sum >> 32
            }
            if carry != 0 { limbs.append(UInt32(carry)) }
        }
        var bytes = limbs.flatMap { limb in (0..<4).map { UInt8(truncatingIfNeeded: limb >> UInt32($0 * 8)) } }
        bytes.append(0)
        self.init(twosComplement: isNegative ? Self.negated(bytes) : bytes)
    }

    /// The bytes of minus the number whose two's complement is `bytes`, one byte longer so that nothing overflows.
    private static func negated(_ bytes: [UInt8]) -> [UInt8] {
        let extended = bytes + [(bytes.last ?? 0) & 0x80 == 0 ? 0 : 0xff]
        var carry: UInt16 = 1
        return extended.map { byte in
            let sum = UInt16(~byte) + carry
            carry = sum >> 8
            return UInt8(truncatingIfNeeded: sum)
        }
    }

    private static func limbs(ofMagnitude bytes: [UInt8], negated: Bool) -> [UInt32] {
        let magnitude = negated ? Self.negated(bytes) : bytes
        return stride(from: 0, to: magnitude.count, by: 4).map { start in
            magnitude[start..<Swift.min(start + 4, magnitude.count)].reversed().reduce(0) { $0 << 8 | UInt32($1) }
        }
    }
}
