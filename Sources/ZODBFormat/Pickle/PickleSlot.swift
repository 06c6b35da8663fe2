//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// What lies on the stack of the pickle machine and in its memo.
enum PickleSlot {
    /// A value that can change no more.
    case value(PickleMeasuredValue)
    /// Something that can still be filled, or that contains such a thing: an index into the graph.
    case node(Int)

    /// A value that contains no other.
    static func leaf(_ value: PickleValue, length: Int = 0) -> PickleSlot {
        .value(PickleMeasuredValue(value: value, weight: 1 + Int32(truncatingIfNeeded: length >> 10), depth: 0))
    }
}

/// A value and what the limits have to know about it.
struct PickleMeasuredValue {
    var value: PickleValue
    /// The number of values in it, each counted as often as it occurs, and 1 for each 1024 bytes.
    var weight: Int32
    /// How many containers lie within each other.
    var depth: Int16
}

extension PickleMeasuredValue {
    /// Measures a part of an immutable value that was measured as a whole: nothing here can exceed the limits.
    init(measuring value: PickleValue) {
        var (weight, depth): (Int32, Int16) = (1, 0)
        switch value {
        case .tuple(let elements), .frozenSet(let elements):
            for element in elements {
                let measured = PickleMeasuredValue(measuring: element)
                weight += measured.weight
                depth = max(depth, measured.depth)
            }
            depth += 1
        case .persistentID(let id):
            let measured = PickleMeasuredValue(measuring: id)
            weight += measured.weight
            depth = measured.depth + 1
        case .bytes(let bytes), .byteArray(let bytes): weight += Int32(truncatingIfNeeded: bytes.readableBytes >> 10)
        case .string(let string): weight += Int32(truncatingIfNeeded: string.utf8.count >> 10)
        default: break
        }
        self.init(value: value, weight: weight, depth: depth)
    }
}

/// The sum of what a container holds, checked against the limits with each addition.
struct PickleTally {
    private(set) var weight = 0
    private(set) var depth = 0

    mutating func add(_ value: PickleMeasuredValue, _ limits: PickleReader.Limits) throws(FormatError) {
        self.weight += Int(value.weight)
        self.depth = max(self.depth, Int(value.depth))
        guard self.weight < limits.maximumValues else {
            throw FormatError("pickle", "more than \(limits.maximumValues) values, shared ones counted each time")
        }
        guard self.depth < limits.maximumDepth else { throw limits.tooDeep }
    }

    /// The container of all that was added.
    func containing(_ value: PickleValue) -> PickleMeasuredValue {
        PickleMeasuredValue(
            value: value,
            weight: Int32(clamping: self.weight + 1),
            depth: Int16(clamping: self.depth + 1)
        )
    }
}

extension PickleReader.Limits {
    var tooDeep: FormatError { FormatError("pickle", "values nested more than \(self.maximumDepth) deep") }
}
