//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import ZODBFormat

extension PersistentValue: BTreeElement {
    /// `O`: any Python object as a value, and as a key whatever Python can put in order.
    public static let btreeDatatype = BTreeDatatype<PersistentValue>(
        letter: "O",
        isObject: true,
        maximumLeafSize: 60,
        maximumNodeSize: 250,
        read: { PersistentValue($0) },
        write: { $0.pickle },
        compare: { try $0.compare(to: $1) },
        checkKey: { try $0.checkOrder() },
        forEachReference: { $0.forEachReference($1) }
    )
}

extension Int32: BTreeElement {
    /// `I`: integers of 32 bits.
    public static let btreeDatatype = BTreeDatatype<Int32>.integers("I")
}

extension UInt32: BTreeElement {
    /// `U`: integers of 32 bits, zero or greater.
    public static let btreeDatatype = BTreeDatatype<UInt32>.integers("U")
}

extension Int: BTreeElement {
    /// `L`: integers of 64 bits.
    public static let btreeDatatype = BTreeDatatype<Int>.integers("L")
}

extension UInt: BTreeElement {
    /// `Q`: integers of 64 bits, zero or greater.
    public static let btreeDatatype = BTreeDatatype<UInt>.integers("Q")
}

extension Float: BTreeElement {
    /// `F`: floats of 32 bits, as values only.
    public static let btreeDatatype = BTreeDatatype<Float>(
        letter: "F",
        read: { pickle in
            switch pickle {
            case .float(let double): Float(double)
            case .int(let int): Float(int)
            case .bool(let bool): bool ? 1 : 0
            default: nil
            }
        },
        write: { .float(Double($0)) },
        compare: { $0 < $1 ? -1 : $0 > $1 ? 1 : 0 },
        isSame: { $0 == $1 }
    )
}

/// Two bytes: a key of an `fsBTree`, the beginning of an object's identifier.
public struct TwoBytes: BTreeElement, Hashable, Sendable {
    /// The bytes as a number, the first one highest.
    public var rawValue: UInt16

    /// The bytes of a number, the highest one first.
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// `f`: two bytes, in the order of their values.
    public static let btreeDatatype = BTreeDatatype<TwoBytes>(
        letter: "f",
        maximumLeafSize: 500,
        read: { pickle in
            guard case .bytes(let bytes) = pickle, bytes.readableBytes == 2 else { return nil }
            return bytes.getInteger(at: bytes.readerIndex).map(TwoBytes.init(rawValue:))
        },
        write: { .bytes(ByteBuffer(integer: $0.rawValue)) },
        compare: { $0.rawValue < $1.rawValue ? -1 : $0.rawValue == $1.rawValue ? 0 : 1 }
    )
}

/// Six bytes: a value of an `fsBTree`.
public struct SixBytes: BTreeElement, Hashable, Sendable {
    /// The bytes as a number, the first one highest; less than 2**48.
    public let rawValue: UInt64

    /// The bytes of a number, the highest one first; `nil` from 2**48 on.
    public init?(rawValue: UInt64) {
        guard rawValue >> 48 == 0 else { return nil }
        self.rawValue = rawValue
    }

    /// `s`: six bytes.
    public static let btreeDatatype = BTreeDatatype<SixBytes>(
        letter: "s",
        read: { pickle in
            guard case .bytes(let bytes) = pickle, bytes.readableBytes == 6 else { return nil }
            return SixBytes(rawValue: bytes.readableBytesView.reduce(0) { $0 << 8 | UInt64($1) })
        },
        write: {
            var bytes = ByteBuffer()
            bytes.writeInteger(UInt16($0.rawValue >> 32))
            bytes.writeInteger(UInt32(truncatingIfNeeded: $0.rawValue))
            return .bytes(bytes)
        },
        compare: { $0.rawValue < $1.rawValue ? -1 : $0.rawValue == $1.rawValue ? 0 : 1 }
    )
}
