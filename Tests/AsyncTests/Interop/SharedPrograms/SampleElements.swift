//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import ZODB
import ZODBFormat

/// The keys and values that the numbers in shared programs stand for: those of `shared_programs.py`.
enum SampleElements {
    private static let large = 1 << 54

    /// Key `index` of a family; keys are in the order of their numbers.
    static func key(_ family: String, _ index: Int) -> PickleValue {
        switch family {
        case "OO": .tuple([.int(index / 10), .string("k\(index % 10)")])
        case "OI":
            .string("\u{43a}\u{43b}\u{44e}\u{447} " + String(repeating: "0", count: 4 - "\(index)".count) + "\(index)")
        case "OL": index == 0 ? .none : .int(index - 350)
        case "OU": .bytes(ByteBuffer(integer: UInt16(index)))
        case "OQ": .float(Double(index) * 0.5 - 100)
        default:
            switch family.first {
            case "I": .int((index - 350) * 6_000_000)
            case "L": .int((index - 350) * self.large)
            case "U": .int(index * 6_000_000)
            case "Q": self.unsigned(UInt64(index) << 54)
            default: .bytes(ByteBuffer(integer: UInt16(index * 90)))
            }
        }
    }

    /// Value `index` of a family.
    static func value(_ family: String, _ index: Int) -> PickleValue {
        switch family.last {
        case "O":
            [
                .string("v\(index)"), .tuple([.int(index), .none]), .list([.int(index), .list([.bool(true)])]),
                .int(index),
            ][index % 4]
        case "I": .int((index - 500) * 4_000_000)
        case "L": .int((index - 500) * self.large)
        case "U": .int(index * 4_000_000)
        case "Q": self.unsigned(UInt64(index) << 54)
        case "F": .float(Double(index - 500) / 4)
        default:
            .bytes(ByteBuffer(bytes: (0..<6).reversed().map { UInt8(truncatingIfNeeded: (index << 30) >> ($0 * 8)) }))
        }
    }

    private static func unsigned(_ value: UInt64) -> PickleValue {
        Int(exactly: value).map(PickleValue.int)
            ?? .bigInt((0..<8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) } + [0])
    }

    /// How a key or value is written down: the same in every language.
    static func text(_ value: PickleValue) -> String {
        switch value {
        case .none: "n"
        case .bool(let bool): bool ? "b1" : "b0"
        case .int, .bigInt: "i" + (value.decimal ?? "")
        case .float(let double): "f\(Int(double * 4))"
        case .string(let string): "s" + string
        case .bytes(let bytes):
            "x"
                + bytes.readableBytesView.map { byte in
                    (byte < 16 ? "0" : "") + String(byte, radix: 16)
                }.joined()
        case .tuple(let elements): "(" + elements.map(self.text).joined(separator: ",") + ")"
        case .list(let elements): "[" + elements.map(self.text).joined(separator: ",") + ")"
        default: "?"
        }
    }
}
