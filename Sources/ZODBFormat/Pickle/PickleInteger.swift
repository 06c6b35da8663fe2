//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Integers of any size as pickles spell them: two's complement, least significant byte first, or decimal text.
package enum PickleInteger {
    /// The value of a two's complement, in the smaller of the two cases that can hold it, as short as it can be.
    package static func value(ofLittleEndian bytes: some BidirectionalCollection<UInt8>) -> PickleValue {
        guard let last = bytes.last else { return .int(0) }
        let filler: UInt8 = last & 0x80 == 0 ? 0 : 0xff
        var end = bytes.endIndex
        // A leading byte that only repeats the sign says nothing.
        while end != bytes.startIndex {
            let top = bytes.index(before: end)
            guard bytes[top] == filler, top != bytes.startIndex, bytes[bytes.index(before: top)] & 0x80 == filler & 0x80
            else { break }
            end = top
        }
        let significant = bytes[..<end]
        guard significant.count <= 8 else { return .bigInt(Array(significant)) }
        var bits: UInt64 = filler == 0 ? 0 : .max
        for byte in significant.reversed() { bits = bits << 8 | UInt64(byte) }
        return .int(Int(truncatingIfNeeded: Int64(bitPattern: bits)))
    }

    /// The shortest two's complement of an integer, least significant byte first; zero has no bytes.
    package static func littleEndian(_ value: Int) -> [UInt8] {
        guard value != 0 else { return [] }
        var bytes: [UInt8] = []
        var rest = value
        while true {
            bytes.append(UInt8(truncatingIfNeeded: rest))
            rest >>= 8
            guard let last = bytes.last else { return bytes }
            if rest == 0 && last & 0x80 == 0 || rest == -1 && last & 0x80 != 0 { return bytes }
        }
    }

    /// The value of decimal text: a sign, digits, nothing else; `nil` for other text. Takes time in the square of the
    /// length, so the caller bounds it.
    package static func value(ofDecimal text: String) -> PickleValue? {
        if let int = Int(text) { return .int(int) }
        var digits = Array(text.utf8)[...]
        let negative = digits.first == UInt8(ascii: "-")
        if negative || digits.first == UInt8(ascii: "+") { digits.removeFirst() }
        guard !digits.isEmpty else { return nil }
        var words: [UInt32] = []
        while !digits.isEmpty {
            var (chunk, scale): (UInt64, UInt64) = (0, 1)
            for digit in digits.prefix(9) {
                guard digit >= UInt8(ascii: "0"), digit <= UInt8(ascii: "9") else { return nil }
                chunk = chunk * 10 + UInt64(digit - UInt8(ascii: "0"))
                scale *= 10
            }
            digits = digits.dropFirst(9)
            var carry = chunk
            for index in words.indices {
                let product = UInt64(words[index]) * scale + carry
                words[index] = UInt32(truncatingIfNeeded: product)
                carry = product >> 32
            }
            if carry > 0 { words.append(UInt32(truncatingIfNeeded: carry)) }
        }
        var bytes: [UInt8] = []
        for word in words {
            for shift in stride(from: 0, to: 32, by: 8) { bytes.append(UInt8(truncatingIfNeeded: word >> shift)) }
        }
        bytes.append(0)
        if negative { self.negate(&bytes) }
        return self.value(ofLittleEndian: bytes)
    }

    /// The decimal text of a two's complement. Takes time in the square of the length.
    package static func decimal(ofLittleEndian bytes: [UInt8]) -> String {
        let negative = (bytes.last ?? 0) & 0x80 != 0
        var magnitude = bytes
        if negative {
            magnitude.append(0xff)
            self.negate(&magnitude)
        }
        var words: [UInt32] = stride(from: 0, to: magnitude.count, by: 4).map { begin in
            magnitude[begin..<min(begin + 4, magnitude.count)].reversed().reduce(0) { $0 << 8 | UInt32($1) }
        }
        var chunks: [String] = []
        while let top = words.last {
            guard top != 0 else {
                words.removeLast()
                continue
            }
            var remainder: UInt64 = 0
            for index in words.indices.reversed() {
                let dividend = remainder << 32 | UInt64(words[index])
                words[index] = UInt32(truncatingIfNeeded: dividend / 1_000_000_000)
                remainder = dividend % 1_000_000_000
            }
            chunks.append(String(remainder))
        }
        guard let first = chunks.popLast() else { return "0" }
        let rest = chunks.reversed().map { String(repeating: "0", count: 9 - $0.count) + $0 }
        return (negative ? "-" : "") + first + rest.joined()
    }

    /// The sum of two two's complements, or their difference.
    static func sum(_ one: [UInt8], _ other: [UInt8], negated: Bool = false) -> PickleValue {
        let count = max(one.count, other.count) + 1
        let (oneFiller, otherFiller) = (self.filler(one), self.filler(other))
        var carry = negated ? 1 : 0
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        for index in 0..<count {
            let byte = index < other.count ? other[index] : otherFiller
            let sum = Int(index < one.count ? one[index] : oneFiller) + Int(negated ? ~byte : byte) + carry
            bytes.append(UInt8(truncatingIfNeeded: sum))
            carry = sum >> 8
        }
        return self.value(ofLittleEndian: bytes)
    }

    /// The byte that may be put before a two's complement any number of times.
    private static func filler(_ bytes: [UInt8]) -> UInt8 { (bytes.last ?? 0) & 0x80 == 0 ? 0 : 0xff }

    private static func negate(_ bytes: inout [UInt8]) {
        var carry = true
        for index in bytes.indices {
            bytes[index] = ~bytes[index]
            if carry { (bytes[index], carry) = bytes[index].addingReportingOverflow(1) }
        }
    }
}
