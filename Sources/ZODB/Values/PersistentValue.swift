//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import NIOCore
public import OrderedCollections
public import ZODBFormat

/// Something that a persistent object holds: plain data, or a reference to another persistent object.
///
/// Values are copied, so a value that was taken out of an object and changed has to be put back; a change can then never
/// go unnoticed. What Swift has no form for stays as it was in `opaque(_:)` and is written back unchanged.
public enum PersistentValue: Hashable {
    /// Python's `None`.
    case null
    /// Python's `bool`.
    case bool(Bool)
    /// A Python `int` that fits into 64 bits.
    case int(Int)
    /// A Python `int` of any other size.
    case bigInteger(BigInteger)
    /// Python's `float`.
    case double(Double)
    /// Python's `str`.
    case string(String)
    /// Python's `bytes`.
    case bytes(ByteBuffer)
    /// Python's `list`.
    case list([PersistentValue])
    /// Python's `tuple`.
    case tuple([PersistentValue])
    /// Python's `set`.
    case set(Set<PersistentValue>)
    /// Python's `frozenset`.
    case frozenSet(Set<PersistentValue>)
    /// Python's `dict`, its items in the order in which they were set.
    case dictionary(OrderedDictionary<PersistentValue, PersistentValue>)
    /// Another persistent object, which lives in a record of its own.
    case reference(PersistentReference)
    /// Anything else, as the pickle describes it.
    case opaque(PickleValue)

    /// Whether two values are the same, strings by their bytes: Swift takes `"\u{e9}"` and `"e\u{301}"` for equal, to
    /// Python they are two keys. `hash(into:)` is the synthesized one; it feeds no more of a string than what is equal
    /// either way.
    public static func == (lhs: PersistentValue, rhs: PersistentValue) -> Bool {
        switch (lhs, rhs) {
        case (.null, .null): true
        case (.bool(let one), .bool(let other)): one == other
        case (.int(let one), .int(let other)): one == other
        case (.bigInteger(let one), .bigInteger(let other)): one == other
        case (.double(let one), .double(let other)): one == other
        case (.string(let one), .string(let other)): one.utf8.elementsEqual(other.utf8)
        case (.bytes(let one), .bytes(let other)): one == other
        case (.list(let one), .list(let other)): one == other
        case (.tuple(let one), .tuple(let other)): one == other
        case (.set(let one), .set(let other)): one == other
        case (.frozenSet(let one), .frozenSet(let other)): one == other
        case (.dictionary(let one), .dictionary(let other)): one == other
        case (.reference(let one), .reference(let other)): one == other
        case (.opaque(let one), .opaque(let other)): one == other
        default: false
        }
    }

    /// A reference to `object`. A new object becomes part of the database when an object that refers to it is committed.
    public static func object(_ object: PersistentObject) -> PersistentValue {
        .reference(PersistentReference(to: object))
    }

    /// An integer of any size.
    public static func integer(_ value: some BinaryInteger) -> PersistentValue {
        Int(exactly: value).map(PersistentValue.int) ?? .bigInteger(BigInteger(value))
    }
}

extension PersistentValue {
    /// Whether this is Python's `None`.
    public var isNull: Bool { self == .null }

    /// The truth value, where it is one.
    public var bool: Bool? { if case .bool(let value) = self { value } else { nil } }

    /// The integer, where it is one that fits.
    public var int: Int? { if case .int(let value) = self { value } else { nil } }

    /// The integer, where it is one.
    public var bigInteger: BigInteger? {
        switch self {
        case .int(let value): BigInteger(value)
        case .bigInteger(let value): value
        default: nil
        }
    }

    /// The number, where it is a float or an integer that a `Double` holds exactly.
    public var double: Double? {
        switch self {
        case .double(let value): value
        case .int(let value): Double(exactly: value)
        default: nil
        }
    }

    /// The text, where it is one.
    public var string: String? { if case .string(let value) = self { value } else { nil } }

    /// The bytes, where it is bytes.
    public var bytes: ByteBuffer? { if case .bytes(let value) = self { value } else { nil } }

    /// The elements of a list or a tuple.
    public var elements: [PersistentValue]? {
        switch self {
        case .list(let values), .tuple(let values): values
        default: nil
        }
    }

    /// The elements of a set or a frozen set.
    public var members: Set<PersistentValue>? {
        switch self {
        case .set(let values), .frozenSet(let values): values
        default: nil
        }
    }

    /// The items, where it is a dictionary.
    public var dictionary: OrderedDictionary<PersistentValue, PersistentValue>? {
        if case .dictionary(let items) = self { items } else { nil }
    }

    /// The reference, where it is one.
    public var reference: PersistentReference? { if case .reference(let value) = self { value } else { nil } }
}

extension PersistentValue: ExpressibleByStringLiteral, ExpressibleByStringInterpolation, ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral, ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    /// A Python `str`.
    public init(stringLiteral value: String) { self = .string(value) }

    /// A Python `int`.
    public init(integerLiteral value: Int) { self = .int(value) }

    /// A Python `float`.
    public init(floatLiteral value: Double) { self = .double(value) }

    /// A Python `bool`.
    public init(booleanLiteral value: Bool) { self = .bool(value) }

    /// A Python `list`.
    public init(arrayLiteral elements: PersistentValue...) { self = .list(elements) }

    /// A Python `dict`. Of equal keys the last one counts.
    public init(dictionaryLiteral elements: (PersistentValue, PersistentValue)...) {
        self = .dictionary(OrderedDictionary(elements, uniquingKeysWith: { $1 }))
    }
}
