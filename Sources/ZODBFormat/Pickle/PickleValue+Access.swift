//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import NIOCore

extension PickleValue {
    /// The truth value, where it is one. Python counts 0 and 1 as such, too; these are no truth values here.
    public var asBool: Bool? { if case .bool(let bool) = self { bool } else { nil } }

    /// The integer, where it is one of 64 bits.
    public var asInt: Int? { if case .int(let int) = self { int } else { nil } }

    /// The number, where it is a float or an integer that a float holds exactly.
    public var asDouble: Double? {
        switch self {
        case .float(let double): double
        case .int(let int): Double(exactly: int)
        default: nil
        }
    }

    /// The string, where it is one.
    public var asString: String? { if case .string(let string) = self { string } else { nil } }

    /// The text of a string, or of bytes that are UTF-8: what Python 2 left behind reads as bytes.
    public var asText: String? {
        switch self {
        case .string(let string): string
        case .bytes(let bytes): String(validating: bytes.readableBytesView, as: UTF8.self)
        default: nil
        }
    }

    /// The bytes, where it is bytes or a byte array.
    public var asBytes: ByteBuffer? {
        switch self {
        case .bytes(let bytes), .byteArray(let bytes): bytes
        default: nil
        }
    }

    /// The elements of a tuple or a list.
    public var asSequence: [PickleValue]? {
        switch self {
        case .tuple(let elements), .list(let elements): elements
        default: nil
        }
    }

    /// The items of a dictionary, in their order.
    public var asItems: [PickleItem]? { if case .dict(let items) = self { items } else { nil } }

    /// The identifier that eight bytes are.
    public func asIdentifier<ID: EightByteIdentifier>(_ type: ID.Type = ID.self) -> ID? {
        guard case .bytes(let bytes) = self, bytes.readableBytes == 8 else { return nil }
        return bytes.getIdentifier(at: bytes.readerIndex)
    }

    /// The value of a string key in a dictionary: of equal keys the last one counts.
    public subscript(key: String) -> PickleValue? {
        self.asItems?.last { $0.key == .string(key) }?.value
    }

    /// Eight bytes.
    public static func identifier(_ identifier: some EightByteIdentifier) -> PickleValue {
        .bytes(ByteBuffer(integer: identifier.rawValue))
    }

    /// The decimal text of an integer of any size. Takes time in the square of its length.
    public var decimal: String? {
        switch self {
        case .int(let int): String(int)
        case .bigInt(let bytes): PickleInteger.decimal(ofLittleEndian: bytes)
        default: nil
        }
    }

    /// The integer that decimal text spells; `nil` for other text. Takes time in the square of its length.
    public init?(decimal text: String) {
        guard let value = PickleInteger.value(ofDecimal: text) else { return nil }
        self = value
    }
}

extension PickleValue: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral, ExpressibleByStringLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    /// `None`.
    public init(nilLiteral: ()) { self = .none }
    /// A truth value.
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    /// An integer.
    public init(integerLiteral value: Int) { self = .int(value) }
    /// A float.
    public init(floatLiteral value: Double) { self = .float(value) }
    /// A string.
    public init(stringLiteral value: String) { self = .string(value) }
    /// A list.
    public init(arrayLiteral elements: PickleValue...) { self = .list(elements) }
    /// A dictionary.
    public init(dictionaryLiteral elements: (PickleValue, PickleValue)...) {
        self = .dict(elements.map { PickleItem($0.0, $0.1) })
    }
}
