//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Python's comparisons of plain data, with a bound on the work.
///
/// Where Python raises, or would have to ask the application, they refuse.
struct PythonOrder {
    let heap: PythonHeap
    /// How many more values may be compared.
    private var budget: Int

    private static let maximumDepth = 100

    init(_ heap: PythonHeap, budget: Int) {
        self.heap = heap
        self.budget = budget
    }

    /// How BTrees compare keys and values that are objects: `None` is less than everything, then `<`, then `==`.
    /// Negative, zero, or positive.
    mutating func compare(_ one: PythonHeap.Handle, _ other: PythonHeap.Handle) throws(MergeRefusal) -> Int {
        switch (self.heap[one], self.heap[other]) {
        case (.none, .none): return 0
        case (.none, _): return -1
        case (_, .none): return 1
        default: break
        }
        if try self.isLess(one, other, depth: 0) { return -1 }
        return try self.areEqual(one, other, depth: 0) ? 0 : 1
    }

    private mutating func charge(_ cost: Int = 1) throws(MergeRefusal) {
        self.budget -= cost
        if self.budget < 0 { throw .tooLarge }
    }

    private static let undecidable = MergeRefusal.needsApplication("the order of two values")

    /// `one < other`
    private mutating func isLess(
        _ one: PythonHeap.Handle,
        _ other: PythonHeap.Handle,
        depth: Int
    ) throws(MergeRefusal) -> Bool {
        try self.charge()
        guard depth < Self.maximumDepth else { throw .tooLarge }
        switch (self.heap[one], self.heap[other]) {
        case (.text(let one), .text(let other)), (.bytes(let one), .bytes(let other)):
            // UTF-8 has the order of the code points.
            try self.charge(min(one.readableBytes, other.readableBytes) / 64)
            return one.readableBytesView.lexicographicallyPrecedes(other.readableBytesView)
        case (.tuple(let ones), .tuple(let others)), (.list(let ones), .list(let others)):
            for (one, other) in zip(ones, others) where try !self.areEqual(one, other, depth: depth + 1) {
                return try self.isLess(one, other, depth: depth + 1)
            }
            return ones.count < others.count
        case (.reference(let one), .reference(let other)):
            guard one.isSame(as: other) || self.isIdentical(one, other) else { throw Self.undecidable }
            return false
        case (let one, let other):
            guard let one = PythonNumber(one), let other = PythonNumber(other) else { throw Self.undecidable }
            return try one.isLess(than: other)
        }
    }

    /// `one is other or one == other`, which is how Python compares what is inside of containers.
    private mutating func areEqual(
        _ one: PythonHeap.Handle,
        _ other: PythonHeap.Handle,
        depth: Int
    ) throws(MergeRefusal) -> Bool {
        try self.charge()
        guard depth < Self.maximumDepth else { throw .tooLarge }
        if one == other { return true }
        switch (self.heap[one], self.heap[other]) {
        case (.text(let one), .text(let other)), (.bytes(let one), .bytes(let other)):
            try self.charge(min(one.readableBytes, other.readableBytes) / 64)
            return one == other
        case (.tuple(let ones), .tuple(let others)), (.list(let ones), .list(let others)):
            // Python compares the elements of lists of different lengths, too, but only for their order.
            guard ones.count == others.count else { return false }
            for (one, other) in zip(ones, others) where try !self.areEqual(one, other, depth: depth + 1) {
                return false
            }
            return true
        case (.reference(let one), .reference(let other)):
            guard one.isSame(as: other) || self.isIdentical(one, other) else { throw Self.undecidable }
            return true
        case (let one, let other):
            if let one = PythonNumber(one), let other = PythonNumber(other) { return try one.isEqual(to: other) }
            // Values of different plain types are different; of the rest only the application knows.
            guard Self.isPlain(one), Self.isPlain(other) else { throw Self.undecidable }
            return false
        }
    }

    /// Weak references are only ever equal to themselves.
    private func isIdentical(_ one: PythonReference, _ other: PythonReference) -> Bool { one.key == other.key }

    private static func isPlain(_ object: PythonHeap.Object) -> Bool {
        switch object {
        case .none, .bool, .int, .bigInt, .float, .text, .bytes, .tuple, .list: true
        case .dict, .global, .reference, .encode: false
        }
    }
}
