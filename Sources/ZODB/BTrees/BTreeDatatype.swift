//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ZODBFormat

/// How BTrees treat keys and values of one type: how they are written, and which order they have.
public struct BTreeDatatype<Element>: Sendable {
    /// The letter that stands for the type in the names of families.
    let letter: String
    /// Whether these are Python objects of any kind; leaves with such values are smaller.
    let isObject: Bool
    /// With keys of this type, how many items a leaf has at most where values are numbers or bytes.
    let maximumLeafSize: Int
    /// With keys of this type, how many children an inner node has at most.
    let maximumNodeSize: Int

    /// The element that a state says; `nil` for what is none, or is out of range.
    let read: @Sendable (PickleValue) -> Element?
    /// How an element stands in a state. Objects that it refers to must have identifiers.
    let write: @Sendable (Element) -> PickleValue
    /// The order of two elements: negative, zero or positive. Throws where they have none.
    let compare: @Sendable (Element, Element) throws -> Int
    /// Throws for elements that cannot be keys.
    let checkKey: (@Sendable (Element) throws -> Void)?
    /// Whether setting the second one where the first one is changes nothing; `nil` where it always does.
    let isSame: (@Sendable (Element, Element) -> Bool)?
    /// Calls a closure with every reference in an element; `nil` where there is none.
    let forEachReference: (@Sendable (Element, (PersistentReference) -> Void) -> Void)?

    init(
        letter: String,
        isObject: Bool = false,
        maximumLeafSize: Int = 120,
        maximumNodeSize: Int = 500,
        read: @escaping @Sendable (PickleValue) -> Element?,
        write: @escaping @Sendable (Element) -> PickleValue,
        compare: @escaping @Sendable (Element, Element) throws -> Int,
        checkKey: (@Sendable (Element) throws -> Void)? = nil,
        isSame: (@Sendable (Element, Element) -> Bool)? = nil,
        forEachReference: (@Sendable (Element, (PersistentReference) -> Void) -> Void)? = nil
    ) {
        self.letter = letter
        self.isObject = isObject
        self.maximumLeafSize = maximumLeafSize
        self.maximumNodeSize = maximumNodeSize
        self.read = read
        self.write = write
        self.compare = compare
        self.checkKey = checkKey
        self.isSame = isSame
        self.forEachReference = forEachReference
    }
}

extension BTreeDatatype where Element: FixedWidthInteger & Sendable {
    /// Integers of as many bits as the type has.
    static func integers(_ letter: String) -> BTreeDatatype {
        BTreeDatatype(
            letter: letter,
            read: { pickle in
                switch pickle {
                case .int(let int): Element(exactly: int)
                case .bool(let bool): bool ? 1 : 0
                // The only larger integers that any family has are those of 64 bits without a sign.
                case .bigInt(let bytes):
                    bytes.count == 9 && bytes[8] == 0
                        ? Element(exactly: bytes.prefix(8).reversed().reduce(0 as UInt64) { $0 << 8 | UInt64($1) })
                        : nil
                default: nil
                }
            },
            write: { PersistentValue.integer($0).pickle },
            compare: { $0 < $1 ? -1 : $0 == $1 ? 0 : 1 },
            isSame: { $0 == $1 }
        )
    }
}
