//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Writes objects of a heap as pickles of protocol 3, byte for byte as ZODB's pickler does it.
///
/// Everything that is no number is remembered as it is written, under consecutive numbers, and what is written again is
/// named by its number, also in a later pickle of the same record.
struct PythonDumper {
    private let heap: PythonHeap
    private var memo: [PythonHeap.Handle: UInt32] = [:]
    private(set) var buffer = ByteBuffer()

    private static let maximumDepth = 200
    private static let batchSize = 1000

    init(_ heap: PythonHeap) {
        self.heap = heap
    }

    /// Appends one whole pickle.
    mutating func dump(_ handle: PythonHeap.Handle) throws(MergeRefusal) {
        self.buffer.writeMultipleIntegers(PickleOpcode.proto.rawValue, UInt8(3))
        try self.write(handle, depth: 0)
        self.write(.stop)
    }

    private mutating func write(_ opcode: PickleOpcode) { self.buffer.writeInteger(opcode.rawValue) }

    private mutating func write(_ handle: PythonHeap.Handle, depth: Int) throws(MergeRefusal) {
        guard depth < Self.maximumDepth else { throw .tooLarge }
        switch self.heap[handle] {
        case .none: return self.write(.none)
        case .bool(let bool): return self.write(bool ? .newTrue : .newFalse)
        case .int(let int): return self.buffer.writePickled(int)
        case .bigInt(let bytes): return self.buffer.writePickled(integer: bytes)
        case .float(let double): self.buffer.writeMultipleIntegers(PickleOpcode.binFloat.rawValue, double.bitPattern)
        case .reference(let reference):
            try self.write(reference.data, depth: depth + 1)
            self.write(.binPersistentID)
        case .encode: throw .needsApplication("a function")
        case .text, .bytes, .tuple, .list, .dict, .global:
            if let index = self.memo[handle] { return self.writeMemo(.binGet, .longBinGet, index) }
            try self.writeNew(handle, depth: depth)
        }
    }

    /// Writes and remembers what has not been written yet.
    private mutating func writeNew(_ handle: PythonHeap.Handle, depth: Int) throws(MergeRefusal) {
        switch self.heap[handle] {
        case .text(let text):
            self.write(.binUnicode)
            self.buffer.writeInteger(UInt32(text.readableBytes), endianness: .little)
            self.buffer.writeImmutableBuffer(text)
            self.remember(handle)
        case .bytes(let bytes):
            self.buffer.writePickled(bytes)
            self.remember(handle)
        case .global(let global):
            self.write(.global)
            self.buffer.writeString(global.module + "\n" + global.name + "\n")
            self.remember(handle)
        case .tuple(let elements):
            // The one container that exists once and is never remembered.
            guard !elements.isEmpty else { return self.write(.emptyTuple) }
            if elements.count > 3 { self.write(.mark) }
            for element in elements { try self.write(element, depth: depth + 1) }
            // A tuple can only contain itself by way of a list, which is deeper than is allowed.
            self.write([.tuple1, .tuple2, .tuple3, .tuple][min(elements.count, 4) - 1])
            self.remember(handle)
        case .list(let elements):
            self.write(.emptyList)
            self.remember(handle)
            try self.writeBatches(elements, of: 1, .append, .appends, depth: depth)
        case .dict(let items):
            try self.requireDistinctKeys(items)
            self.write(.emptyDict)
            self.remember(handle)
            try self.writeBatches(items, of: 2, .setItem, .setItems, depth: depth)
        case .none, .bool, .int, .bigInt, .float, .reference, .encode:
            preconditionFailure("is never remembered")
        }
    }

    /// Writes the items of a container, `size` objects each: one alone, or a thousand at a time.
    private mutating func writeBatches(
        _ objects: [PythonHeap.Handle],
        of size: Int,
        _ single: PickleOpcode,
        _ many: PickleOpcode,
        depth: Int
    ) throws(MergeRefusal) {
        if objects.count == size {
            for object in objects { try self.write(object, depth: depth + 1) }
            return self.write(single)
        }
        guard !objects.isEmpty else { return }
        var start = 0
        var isFull = false
        // Behind a last full batch of a dictionary's items Python writes an empty one.
        while start < objects.count || size == 2 && isFull {
            let end = min(start + Self.batchSize * size, objects.count)
            self.write(.mark)
            for object in objects[start..<end] { try self.write(object, depth: depth + 1) }
            self.write(many)
            isFull = end - start == Self.batchSize * size
            start = end
        }
    }

    /// Of equal keys Python keeps one. Only of the usual ones it is certain here which are equal.
    private func requireDistinctKeys(_ items: [PythonHeap.Handle]) throws(MergeRefusal) {
        var keys: Set<PickleValue> = []
        for index in stride(from: 0, to: items.count, by: 2) {
            let key: PickleValue? =
                switch self.heap[items[index]] {
                case .int(let int): .int(int)
                case .text(let text): .string(String(buffer: text))
                case .bytes(let bytes): .bytes(bytes)
                default: nil
                }
            guard let key, keys.insert(key).inserted else { throw .needsApplication("the keys of a dictionary") }
        }
    }

    private mutating func remember(_ handle: PythonHeap.Handle) {
        let index = UInt32(self.memo.count)
        self.memo[handle] = index
        self.writeMemo(.binPut, .longBinPut, index)
    }

    private mutating func writeMemo(_ short: PickleOpcode, _ long: PickleOpcode, _ index: UInt32) {
        if let byte = UInt8(exactly: index) {
            self.buffer.writeMultipleIntegers(short.rawValue, byte)
        } else {
            self.write(long)
            self.buffer.writeInteger(index, endianness: .little)
        }
    }
}
