//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// What object and transaction identifiers have in common: eight bytes that are compared as one big-endian number.
public protocol EightByteIdentifier: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible
where RawValue == UInt64 {
    /// The identifier whose eight bytes are `rawValue`, most significant byte first.
    init(rawValue: UInt64)
}

extension EightByteIdentifier {
    @inlinable
    public static func < (lhs: Self, rhs: Self) -> Bool {
        lhs.rawValue < rhs.rawValue
    }

    /// Sixteen hexadecimal digits behind `0x`, as ZODB's tools print identifiers.
    public var description: String {
        let digits = String(self.rawValue, radix: 16)
        return "0x" + String(repeating: "0", count: 16 - digits.count) + digits
    }
}

extension ByteBuffer {
    /// Reads eight bytes as an identifier and moves the reader index behind them; `nil` when fewer are readable.
    @inlinable
    public mutating func readIdentifier<ID: EightByteIdentifier>(as type: ID.Type = ID.self) -> ID? {
        self.readInteger(as: UInt64.self).map(ID.init(rawValue:))
    }

    /// Reads eight bytes at an absolute index as an identifier, moving nothing; `nil` when they are not readable.
    @inlinable
    public func getIdentifier<ID: EightByteIdentifier>(at index: Int, as type: ID.Type = ID.self) -> ID? {
        self.getInteger(at: index, as: UInt64.self).map(ID.init(rawValue:))
    }

    /// Appends the eight bytes of an identifier.
    @inlinable
    public mutating func writeIdentifier(_ identifier: some EightByteIdentifier) {
        self.writeInteger(identifier.rawValue)
    }
}
