//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// What a pickle says, as inert data: nothing is imported, called or constructed.
///
/// Values have no identity. A pickle whose containers contain themselves has no such value, and reading it fails.
public enum PickleValue: Hashable, Sendable {
    /// Python's `None`.
    case none
    case bool(Bool)
    /// An integer that fits into 64 bits.
    case int(Int)
    /// An integer that does not fit into 64 bits: its two's complement, least significant byte first, as short as it
    /// can be.
    case bigInt([UInt8])
    case float(Double)
    /// Python's `str`.
    case string(String)
    /// Python's `bytes`. A Python 2 `str` is bytes, too.
    case bytes(ByteBuffer)
    case byteArray(ByteBuffer)
    case tuple([PickleValue])
    case list([PickleValue])
    /// A dictionary, its items in the order in which they were set; equal keys may occur twice, the last one counts.
    case dict([PickleItem])
    case set([PickleValue])
    case frozenSet([PickleValue])
    /// A class or function, by module and name.
    case global(PickleGlobal)
    /// A reference to an object outside the pickle: in ZODB, to another persistent object.
    indirect case persistentID(PickleValue)
    /// An object made by a call that was not executed.
    indirect case object(PickleObject)

    /// Whether two values are the same, strings by their bytes: Swift takes `"\u{e9}"` and `"e\u{301}"` for equal, Python
    /// does not. `hash(into:)` is the synthesized one; it feeds no more of a string than what is equal either way.
    public static func == (lhs: PickleValue, rhs: PickleValue) -> Bool {
        switch (lhs, rhs) {
        case (.none, .none): true
        case (.bool(let one), .bool(let other)): one == other
        case (.int(let one), .int(let other)): one == other
        case (.bigInt(let one), .bigInt(let other)): one == other
        case (.float(let one), .float(let other)): one == other
        case (.string(let one), .string(let other)): one.utf8.elementsEqual(other.utf8)
        case (.bytes(let one), .bytes(let other)): one == other
        case (.byteArray(let one), .byteArray(let other)): one == other
        case (.tuple(let one), .tuple(let other)): one == other
        case (.list(let one), .list(let other)): one == other
        case (.dict(let one), .dict(let other)): one == other
        case (.set(let one), .set(let other)): one == other
        case (.frozenSet(let one), .frozenSet(let other)): one == other
        case (.global(let one), .global(let other)): one == other
        case (.persistentID(let one), .persistentID(let other)): one == other
        case (.object(let one), .object(let other)): one == other
        default: false
        }
    }
}

/// A key of a dictionary and its value.
public struct PickleItem: Hashable, Sendable {
    public var key: PickleValue
    public var value: PickleValue

    /// An item of a dictionary.
    public init(_ key: PickleValue, _ value: PickleValue) {
        self.key = key
        self.value = value
    }
}

/// A class or function that a pickle names.
public struct PickleGlobal: Hashable, Sendable, CustomStringConvertible {
    /// The dotted name of the module.
    public var module: String
    /// The name within the module, dotted for nested classes.
    public var name: String

    /// The class or function `name` of `module`.
    public init(_ module: String, _ name: String) {
        self.module = module
        self.name = name
    }

    public var description: String { "\(self.module).\(self.name)" }
}

/// An object that a pickle describes by a call (`REDUCE`, `NEWOBJ`, `OBJ`, `INST`) and what is done to the result.
public struct PickleObject: Hashable, Sendable {
    /// How the object is made.
    public enum Construction: Hashable, Sendable {
        /// `callable(*arguments)`
        case reduce
        /// `callable.__new__(callable, *arguments)`
        case new
        /// `callable.__new__(callable, *arguments, **keywordArguments)`
        case newWithKeywords(PickleValue)
    }

    public var construction: Construction
    /// What is called: nearly always a `global`.
    public var callable: PickleValue
    /// The positional arguments: nearly always a `tuple`.
    public var arguments: PickleValue
    /// What `BUILD` passes to `__setstate__`.
    public var state: PickleValue?
    /// Items that `APPEND` and `APPENDS` add to the object.
    public var listItems: [PickleValue]
    /// Items that `SETITEM` and `SETITEMS` set in the object.
    public var dictItems: [PickleItem]

    /// An object made by `callable`.
    public init(
        _ construction: Construction,
        callable: PickleValue,
        arguments: PickleValue,
        state: PickleValue? = nil,
        listItems: [PickleValue] = [],
        dictItems: [PickleItem] = []
    ) {
        self.construction = construction
        self.callable = callable
        self.arguments = arguments
        self.state = state
        self.listItems = listItems
        self.dictItems = dictItems
    }
}
