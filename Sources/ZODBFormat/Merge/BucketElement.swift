//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// A key or a value of a bucket, as its family keeps it.
enum BucketElement {
    case object(PythonHeap.Handle)
    case signed(Int)
    case unsigned(UInt)
    case float(Float)
    /// A few bytes as a number, the first one highest.
    case bytes(UInt64, count: Int)

    /// The element that an object becomes in a family.
    init(
        _ handle: PythonHeap.Handle,
        as datatype: BucketFamily.Datatype,
        in heap: PythonHeap
    ) throws(MergeRefusal) {
        switch (datatype, heap[handle]) {
        case (.object, _):
            self = .object(handle)
        case (.signed(let bits), let object):
            guard case .int(let int)? = PythonNumber(object), bits == 64 || Int32(exactly: int) != nil else {
                throw Self.unexpected
            }
            self = .signed(int)
        case (.unsigned(let bits), let object):
            guard let unsigned = Self.unsigned(object), bits == 64 || unsigned <= UInt32.max else {
                throw Self.unexpected
            }
            self = .unsigned(unsigned)
        case (.float, .float(let double)):
            self = .float(Float(double))
        case (.float, let object):
            guard case .int(let int)? = PythonNumber(object) else { throw Self.unexpected }
            self = .float(Float(int))
        case (.bytes(let count), .bytes(let bytes)) where bytes.readableBytes == count:
            self = .bytes(bytes.readableBytesView.reduce(0) { $0 << 8 | UInt64($1) }, count: count)
        case (.bytes, _):
            throw Self.unexpected
        }
    }

    private static let unexpected = MergeRefusal.unexpectedState("a key or value that the family does not take")

    private static func unsigned(_ object: PythonHeap.Object) -> UInt? {
        switch PythonNumber(object) {
        case .int(let int): return UInt(exactly: int)
        case .bigInt(let bytes):
            guard bytes.count == 9, bytes[8] == 0 else { return nil }
            return bytes.prefix(8).reversed().reduce(0) { $0 << 8 | UInt($1) }
        case .float, nil: return nil
        }
    }

    /// The object that is stored for the element.
    func object(in heap: inout PythonHeap) -> PythonHeap.Handle {
        switch self {
        case .object(let handle): return handle
        case .signed(let int): return heap.add(.int(int))
        case .unsigned(let unsigned):
            if let int = Int(exactly: unsigned) { return heap.add(.int(int)) }
            return heap.add(.bigInt((0..<8).map { UInt8(truncatingIfNeeded: unsigned >> UInt($0 * 8)) } + [0]))
        case .float(let float): return heap.add(.float(Double(float)))
        case .bytes(let bits, let count):
            let bytes = (0..<count).reversed().map { UInt8(truncatingIfNeeded: bits >> UInt64($0 * 8)) }
            return heap.addBytes(ByteBuffer(bytes: bytes))
        }
    }
}

extension PythonOrder {
    /// The order of two elements of the same family: negative, zero, or positive.
    mutating func compare(_ one: BucketElement, _ other: BucketElement) throws(MergeRefusal) -> Int {
        switch (one, other) {
        case (.object(let one), .object(let other)): return try self.compare(one, other)
        case (.signed(let one), .signed(let other)): return one < other ? -1 : one > other ? 1 : 0
        case (.unsigned(let one), .unsigned(let other)): return one < other ? -1 : one > other ? 1 : 0
        // What is not a number is neither less nor greater than anything, and so counts as equal.
        case (.float(let one), .float(let other)): return one < other ? -1 : one > other ? 1 : 0
        case (.bytes(let one, _), .bytes(let other, _)): return one < other ? -1 : one > other ? 1 : 0
        default: preconditionFailure("elements of different families")
        }
    }
}
