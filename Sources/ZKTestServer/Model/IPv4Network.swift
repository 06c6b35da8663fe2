//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// An IPv4 address or a block of them (`10.0.0.0/8`), as the scheme `ip` of access lists writes it.
struct IPv4Network: Equatable {
    private var address: UInt32
    private var bits: Int

    /// Nil where `text` is no address, or the number of bits is not in 0...32.
    init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = Self.address(parts[0]) else { return nil }
        self.address = address
        self.bits = 32
        if parts.count == 2 {
            guard let bits = Int(parts[1]), (0...32).contains(bits) else { return nil }
            self.bits = bits
        }
    }

    func contains(_ text: String) -> Bool {
        guard let other = Self.address(text[...]) else { return false }
        // Shifting by 32 gives 0, which is what a block of no bits means.
        let mask = UInt32.max << UInt32(32 - self.bits)
        return self.address & mask == other & mask
    }

    private static func address(_ text: Substring) -> UInt32? {
        let numbers = text.split(separator: ".", omittingEmptySubsequences: false)
        guard numbers.count == 4 else { return nil }
        var address: UInt32 = 0
        for number in numbers {
            guard let byte = UInt8(number) else { return nil }
            address = address << 8 | UInt32(byte)
        }
        return address
    }
}
