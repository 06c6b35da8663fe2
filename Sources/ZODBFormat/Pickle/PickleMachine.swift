//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Runs the program that a pickle is, on a stack of slots, executing no call that it asks for.
struct PickleMachine {
    private(set) var input: PickleInput
    let limits: PickleReader.Limits
    var graph: PickleGraph
    private(set) var stack: [PickleSlot] = []
    private var marks: [Int] = []
    private var memo = PickleMemo<PickleSlot>()
    /// How many slots may still be made: it bounds the stack, the graph and the time that a pickle takes.
    private var budget: Int
    /// How many bytes of text may still be copied into new values: shared text must not be copied without end.
    private var copies: Int

    init(_ input: PickleInput, limits: PickleReader.Limits) {
        var limits = limits
        limits.maximumValues = min(limits.maximumValues, 1 << 30)
        limits.maximumDepth = min(limits.maximumDepth, 1 << 14)
        self.input = input
        self.limits = limits
        self.copies = 65536 + 8 * input.buffer.readableBytes
        self.graph = PickleGraph(limits: limits)
        self.budget = limits.maximumValues
        self.stack.reserveCapacity(16)
    }

    /// Reads one pickle. Another one behind it may name what this one remembered, as the two of an object record do.
    mutating func run() throws(FormatError) -> PickleValue {
        self.stack.removeAll(keepingCapacity: true)
        self.marks.removeAll(keepingCapacity: true)
        while true {
            let opcode = try self.input.readOpcode()
            guard opcode == .stop else {
                try self.execute(opcode)
                continue
            }
            let slot = try self.pop()
            return try self.graph.resolve(slot)
        }
    }

    // MARK: Stack

    func fault(_ problem: String) -> FormatError { self.input.fault(problem) }

    mutating func charge(_ count: Int) throws(FormatError) {
        self.budget -= count
        guard self.budget >= 0 else { throw self.fault("more than \(self.limits.maximumValues) values") }
    }

    mutating func charge(copied count: Int) throws(FormatError) {
        self.copies -= count
        guard self.copies >= 0 else { throw self.fault("copies more text than it has") }
    }

    mutating func push(_ slot: PickleSlot) throws(FormatError) {
        try self.charge(1)
        self.stack.append(slot)
    }

    mutating func push(_ shape: PickleGraph.Shape, _ slots: [PickleSlot] = []) throws(FormatError) {
        try self.push(self.graph.add(PickleGraph.Node(shape: shape, slots: slots)))
    }

    /// What lies below the innermost mark is out of reach.
    private var fence: Int { self.marks.last ?? 0 }

    mutating func pop() throws(FormatError) -> PickleSlot {
        guard self.stack.count > self.fence, let slot = self.stack.popLast() else {
            throw self.fault("takes more than the stack holds")
        }
        return slot
    }

    func top() throws(FormatError) -> PickleSlot {
        guard self.stack.count > self.fence, let slot = self.stack.last else {
            throw self.fault("takes more than the stack holds")
        }
        return slot
    }

    private mutating func popMark() throws(FormatError) -> Int {
        guard let mark = self.marks.popLast() else { throw self.fault("takes a mark that was not set") }
        return mark
    }

    private mutating func popSlots(from start: Int) -> [PickleSlot] {
        let slots = Array(self.stack[start...])
        self.stack.removeSubrange(start...)
        return slots
    }

    private mutating func popItems() throws(FormatError) -> [PickleSlot] {
        try self.popSlots(from: self.popMark())
    }

    // MARK: Instructions

    private mutating func execute(_ opcode: PickleOpcode) throws(FormatError) {
        switch opcode {
        case .proto:
            let version = try self.input.readByte()
            guard version <= 5 else { throw self.fault("protocol \(version); 5 is the last one known") }
        case .frame: try self.input.expectFrame(self.input.readInteger(as: UInt64.self))
        case .stop: preconditionFailure("run() ends at STOP")

        case .none: try self.push(.leaf(.none))
        case .newTrue: try self.push(.leaf(.bool(true)))
        case .newFalse: try self.push(.leaf(.bool(false)))
        case .binInt: try self.push(.leaf(.int(self.input.readInteger(as: Int32.self))))
        case .binInt1: try self.push(.leaf(.int(Int(self.input.readByte()))))
        case .binInt2: try self.push(.leaf(.int(self.input.readInteger(as: UInt16.self))))
        case .long1: try self.pushInteger(bytes: Int(self.input.readByte()))
        case .long4: try self.pushInteger(bytes: self.input.readInteger(as: Int32.self))
        case .int, .long: try self.pushInteger(decimal: self.input.readLine(), opcode)
        case .binFloat: try self.push(.leaf(.float(self.input.readDouble())))
        case .float:
            guard let double = PickleText.double(of: try self.input.readTextLine()) else {
                throw self.fault("a float that is none")
            }
            try self.push(.leaf(.float(double)))

        case .binUnicode: try self.pushString(self.input.readInteger(as: UInt32.self))
        case .shortBinUnicode: try self.pushString(Int(self.input.readByte()))
        case .binUnicode8: try self.pushString(self.input.readInteger(as: UInt64.self))
        case .unicode:
            guard let string = PickleText.string(ofRawUnicodeEscape: try self.input.readLine()) else {
                throw self.fault("a wrong escape in text")
            }
            try self.push(.leaf(.string(string), length: string.utf8.count))
        case .string:
            guard let bytes = PickleText.bytes(ofQuoted: try self.input.readLine()) else {
                throw self.fault("wrong quotes or a wrong escape in a string")
            }
            try self.push(.leaf(.bytes(bytes), length: bytes.readableBytes))
        case .binBytes: try self.pushBytes(self.input.readInteger(as: UInt32.self))
        case .shortBinBytes, .shortBinString: try self.pushBytes(Int(self.input.readByte()))
        case .binString: try self.pushBytes(self.input.readInteger(as: Int32.self))
        case .binBytes8: try self.pushBytes(self.input.readInteger(as: UInt64.self))
        case .byteArray8:
            let bytes = try self.input.readSlice(self.input.readInteger(as: UInt64.self))
            try self.push(.leaf(.byteArray(bytes), length: bytes.readableBytes))

        case .emptyTuple: try self.push(.leaf(.tuple([])))
        case .tuple: try self.pushTuple(from: self.popMark())
        case .tuple1: try self.pushTuple(count: 1)
        case .tuple2: try self.pushTuple(count: 2)
        case .tuple3: try self.pushTuple(count: 3)
        case .emptyList: try self.push(.list)
        case .list: try self.push(.list, self.popItems())
        case .emptySet: try self.push(.set)
        case .frozenSet: try self.pushContainer(.frozenSet, from: self.popMark()) { .frozenSet($0) }
        case .emptyDict: try self.push(.dict)
        case .dict:
            let items = try self.popItems()
            try self.push(.dict)
            try self.fill(items[...], opcode)
        case .append: try self.fill([self.pop()], opcode)
        case .appends, .setItems, .addItems: try self.fill(self.popItems()[...], opcode)
        case .setItem:
            let value = try self.pop()
            try self.fill([self.pop(), value], opcode)

        case .mark:
            try self.charge(1)
            self.marks.append(self.stack.count)
        case .pop:
            if self.marks.last == self.stack.count { self.marks.removeLast() } else { _ = try self.pop() }
        case .popMark: self.stack.removeSubrange(try self.popMark()...)
        case .duplicate: try self.push(self.top())

        case .get: try self.recall(self.readIndex())
        case .binGet: try self.recall(Int(self.input.readByte()))
        case .longBinGet: try self.recall(self.input.readInteger(as: UInt32.self))
        case .put: try self.remember(self.readIndex())
        case .binPut: try self.remember(Int(self.input.readByte()))
        case .longBinPut: try self.remember(self.input.readInteger(as: UInt32.self))
        case .memoize: try self.remember(self.memo.count)

        case .global: try self.pushGlobal(self.input.readTextLine(), self.input.readTextLine())
        case .stackGlobal:
            guard case .value(let name) = try self.pop(), case .value(let module) = try self.pop(),
                case .string(let name) = name.value, case .string(let module) = module.value
            else { throw self.fault("a global whose module and name are no strings") }
            try self.pushGlobal(module, name)
        case .persistentID: try self.push(.leaf(.persistentID(.string(self.input.readTextLine()))))
        case .binPersistentID:
            guard self.stack.count > self.fence else { throw self.fault("takes more than the stack holds") }
            try self.pushContainer(.persistentID, from: self.stack.count - 1) { .persistentID($0[0]) }
        case .reduce:
            let arguments = try self.pop()
            try self.reduce(self.pop(), arguments)
        case .newObject:
            let arguments = try self.pop()
            try self.new(self.pop(), arguments)
        case .newObjectWithKeywords:
            let keywords = try self.pop()
            let arguments = try self.pop()
            try self.push(.newWithKeywords, [self.pop(), arguments, keywords])
        case .instance:
            let global = PickleSlot.leaf(
                .global(PickleGlobal(try self.input.readTextLine(), try self.input.readTextLine()))
            )
            try self.instantiate(global, self.popItems())
        case .object:
            let items = try self.popItems()
            guard let callable = items.first else { throw self.fault("an object without a class") }
            try self.instantiate(callable, Array(items.dropFirst()))
        case .build:
            let state = try self.pop()
            guard case .node(let index) = try self.top(), self.graph.build(state, in: index) else {
                throw self.fault("a state for something that is no object, or has one")
            }

        case .extension1, .extension2, .extension4:
            throw self.fault("an extension code; the registry that would say what it means is not in the pickle")
        case .nextBuffer, .readOnlyBuffer:
            throw self.fault("a buffer out of band, which is not in the pickle")
        }
    }

    // MARK: Leaves

    private mutating func pushString(_ length: Int) throws(FormatError) {
        try self.push(.leaf(.string(self.input.readString(length)), length: length))
    }

    private mutating func pushBytes(_ length: Int) throws(FormatError) {
        try self.push(.leaf(.bytes(self.input.readSlice(length)), length: length))
    }

    private mutating func pushGlobal(_ module: String, _ name: String) throws(FormatError) {
        try self.push(.leaf(.global(PickleGlobal(module, name)), length: module.utf8.count + name.utf8.count))
    }

    private mutating func pushInteger(bytes length: Int) throws(FormatError) {
        guard length <= self.limits.maximumIntegerBytes else { throw self.fault("an integer of \(length) bytes") }
        let bytes = try self.input.readSlice(length)
        try self.push(.leaf(PickleInteger.value(ofLittleEndian: bytes.readableBytesView), length: length))
    }

    private mutating func pushInteger(decimal line: ByteBuffer, _ opcode: PickleOpcode) throws(FormatError) {
        // A byte has about 2.4 decimal digits.
        guard line.readableBytes / 5 * 2 <= self.limits.maximumIntegerBytes else {
            throw self.fault("an integer of \(line.readableBytes) digits")
        }
        var text = String(buffer: line)
        if opcode == .long, text.hasSuffix("L") { text.removeLast() }
        if opcode == .int, text == "00" || text == "01" {
            return try self.push(.leaf(.bool(text == "01")))
        }
        guard let value = PickleInteger.value(ofDecimal: text) else { throw self.fault("an integer that is none") }
        try self.push(.leaf(value, length: line.readableBytes / 2))
    }

    // MARK: Containers

    private mutating func pushTuple(count: Int) throws(FormatError) {
        guard self.stack.count - self.fence >= count else { throw self.fault("takes more than the stack holds") }
        try self.pushTuple(from: self.stack.count - count)
    }

    private mutating func pushTuple(from start: Int) throws(FormatError) {
        try self.pushContainer(.tuple, from: start) { .tuple($0) }
    }

    /// Pushes an immutable container of what lies on the stack from `start`: a value at once unless a part is still
    /// being filled.
    private mutating func pushContainer(
        _ shape: PickleGraph.Shape,
        from start: Int,
        _ container: ([PickleValue]) -> PickleValue
    ) throws(FormatError) {
        var tally = PickleTally()
        var values: [PickleValue] = []
        values.reserveCapacity(self.stack.count - start)
        for index in start..<self.stack.count {
            guard case .value(let measured) = self.stack[index] else {
                return try self.push(shape, self.popSlots(from: start))
            }
            try tally.add(measured, self.limits)
            values.append(measured.value)
        }
        self.stack.removeSubrange(start...)
        try self.push(.value(tally.containing(container(values))))
    }

    /// Puts elements or items into what lies on top of the stack.
    private mutating func fill(_ slots: ArraySlice<PickleSlot>, _ opcode: PickleOpcode) throws(FormatError) {
        let filled: Bool
        switch (opcode, try self.top()) {
        case (.append, .node(let index)), (.appends, .node(let index)): filled = self.graph.append(slots, to: index)
        case (.addItems, .node(let index)): filled = self.graph.insert(slots, into: index)
        case (_, .node(let index)):
            guard slots.count.isMultiple(of: 2) else { throw self.fault("a key without a value") }
            filled = self.graph.setItems(slots, in: index)
        case (_, .value): filled = false
        }
        guard filled else { throw self.fault("fills something that takes no such elements") }
    }

    private mutating func instantiate(_ callable: PickleSlot, _ arguments: [PickleSlot]) throws(FormatError) {
        // Without arguments Python makes an instance and does not call the class.
        let tuple =
            arguments.isEmpty
            ? .leaf(.tuple([])) : self.graph.add(PickleGraph.Node(shape: .tuple, slots: arguments))
        try self.push(arguments.isEmpty ? .new : .reduced, [callable, tuple])
    }

    // MARK: Memo

    private mutating func readIndex() throws(FormatError) -> Int {
        guard let index = Int(try self.input.readTextLine()), index >= 0 else {
            throw self.fault("a memo index that is none")
        }
        return index
    }

    private mutating func recall(_ index: Int) throws(FormatError) {
        guard let slot = self.memo[index] else { throw self.fault("memo has no value \(index)") }
        try self.push(slot)
    }

    private mutating func remember(_ index: Int) throws(FormatError) {
        try self.memo.set(index, to: self.top())
        guard self.memo.count <= self.limits.maximumMemoEntries else {
            throw self.fault("remembers more than \(self.limits.maximumMemoEntries) values")
        }
    }
}
