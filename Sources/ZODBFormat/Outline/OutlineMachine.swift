//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Follows the instructions of a record's two pickles without making their values.
struct OutlineMachine {
    typealias Place = RecordOutline.Place

    private var input: PickleInput
    private var outline = RecordOutline()
    private var stack: [Place] = []
    private var marks: [(height: Int, offset: Int)] = []
    private var memo = PickleMemo<Int>()
    /// Where the instruction begins that is being followed.
    private var offset = 0

    init(_ record: ByteBuffer) {
        self.input = PickleInput(record)
    }

    mutating func run() throws(FormatError) -> RecordOutline {
        self.outline.classDescription = try self.pickle()
        self.outline.state = try self.pickle()
        guard self.input.buffer.readableBytes == 0 else { throw self.input.fault("bytes follow the state") }
        return self.outline
    }

    private mutating func pickle() throws(FormatError) -> Place {
        self.stack.removeAll(keepingCapacity: true)
        self.marks.removeAll(keepingCapacity: true)
        while true {
            self.offset = self.input.offset
            let opcode = try self.input.readOpcode()
            if opcode == .stop { return try self.pop() }
            if try self.executeLeaf(opcode) { continue }
            try self.execute(opcode)
        }
    }

    // MARK: The stack

    private func underflow() -> FormatError { self.input.fault("takes more than the stack holds") }

    private mutating func pop() throws(FormatError) -> Place {
        guard self.stack.count > self.marks.last?.height ?? 0 else { throw self.underflow() }
        return self.stack.removeLast()
    }

    private mutating func pop(_ count: Int) throws(FormatError) -> [Place] {
        guard self.stack.count - (self.marks.last?.height ?? 0) >= count else { throw self.underflow() }
        defer { self.stack.removeLast(count) }
        return Array(self.stack.suffix(count))
    }

    private mutating func popItems() throws(FormatError) -> (items: [Place], offset: Int) {
        guard let mark = self.marks.popLast() else { throw self.input.fault("takes a mark that was not set") }
        defer { self.stack.removeSubrange(mark.height...) }
        return (Array(self.stack[mark.height...]), mark.offset)
    }

    private mutating func push(_ shape: RecordOutline.Shape, from start: Int? = nil) {
        self.outline.nodes.append(RecordOutline.Node(shape: shape, end: self.input.offset))
        self.stack.append(Place(node: self.outline.nodes.count - 1, span: (start ?? self.offset)..<self.input.offset))
    }

    private mutating func pushLeaf(_ value: PickleValue?) { self.push(.leaf(value)) }

    /// The instruction belongs to what lies on top: it remembers or fills that.
    private mutating func extendTop(filling: Bool) throws(FormatError) -> Int {
        guard self.stack.count > self.marks.last?.height ?? 0, var top = self.stack.last else { throw self.underflow() }
        let isFirst = self.outline.nodes[top.node].end == top.span.upperBound
        top.span = top.span.lowerBound..<self.input.offset
        self.stack[self.stack.count - 1] = top
        if filling || isFirst { self.outline.nodes[top.node].end = self.input.offset }
        return top.node
    }

    // MARK: Values without parts

    private mutating func executeLeaf(_ opcode: PickleOpcode) throws(FormatError) -> Bool {
        switch opcode {
        case .none: self.pushLeaf(PickleValue.none)
        case .newTrue: self.pushLeaf(.bool(true))
        case .newFalse: self.pushLeaf(.bool(false))
        case .binInt1: self.pushLeaf(.int(Int(try self.input.readByte())))
        case .binInt2: self.pushLeaf(.int(try self.input.readInteger(as: UInt16.self)))
        case .binInt: self.pushLeaf(.int(try self.input.readInteger(as: Int32.self)))
        case .long1: try self.pushInteger(Int(self.input.readByte()))
        case .long4: try self.pushInteger(self.input.readInteger(as: Int32.self))
        case .binFloat: self.pushLeaf(.float(try self.input.readDouble()))
        case .int, .long, .float, .string, .unicode: try self.pushLine(opcode)
        case .binUnicode: try self.pushText(self.input.readInteger(as: UInt32.self))
        case .shortBinUnicode: try self.pushText(Int(self.input.readByte()))
        case .binUnicode8: try self.pushText(self.input.readInteger(as: UInt64.self))
        case .binBytes: try self.pushBytes(self.input.readInteger(as: UInt32.self))
        case .shortBinBytes, .shortBinString: try self.pushBytes(Int(self.input.readByte()))
        case .binString: try self.pushBytes(self.input.readInteger(as: Int32.self))
        case .binBytes8: try self.pushBytes(self.input.readInteger(as: UInt64.self))
        case .byteArray8: self.pushLeaf(.byteArray(try self.input.readSlice(self.input.readInteger(as: UInt64.self))))
        case .global: self.pushLeaf(.global(PickleGlobal(try self.input.readTextLine(), try self.input.readTextLine())))
        case .persistentID: self.pushLeaf(.persistentID(.string(try self.input.readTextLine())))
        case .emptyTuple: self.push(RecordOutline.Shape.tuple([]))
        case .emptyList: self.push(.list)
        case .emptyDict: self.push(.dict)
        case .emptySet: self.push(.set)
        default: return false
        }
        return true
    }

    private mutating func pushInteger(_ length: Int) throws(FormatError) {
        guard length <= PickleReader.Limits().maximumIntegerBytes else {
            throw self.input.fault("an integer of \(length) bytes")
        }
        self.pushLeaf(PickleInteger.value(ofLittleEndian: try self.input.readSlice(length).readableBytesView))
    }

    private mutating func pushText(_ length: Int) throws(FormatError) {
        self.pushLeaf(
            String(validating: try self.input.readSlice(length).readableBytesView, as: UTF8.self).map { .string($0) }
        )
    }

    private mutating func pushBytes(_ length: Int) throws(FormatError) {
        self.pushLeaf(.bytes(try self.input.readSlice(length)))
    }

    /// A value in one of the text forms of protocol 0: what it means, the reader of whole pickles says.
    private mutating func pushLine(_ opcode: PickleOpcode) throws(FormatError) {
        let line = try self.input.readLine()
        var pickle = ByteBuffer(bytes: [opcode.rawValue])
        pickle.writeImmutableBuffer(line)
        pickle.writeBytes([0x0a, PickleOpcode.stop.rawValue])
        self.pushLeaf(try PickleReader().read(from: &pickle))
    }

    // MARK: The others

    private mutating func execute(_ opcode: PickleOpcode) throws(FormatError) {
        switch opcode {
        case .proto:
            let version = try self.input.readByte()
            guard version <= 5 else { throw self.input.fault("protocol \(version); 5 is the last one known") }
        case .frame:
            try self.input.expectFrame(self.input.readInteger(as: UInt64.self))
            self.outline.frames.append(self.offset..<self.input.offset)
        case .mark: self.marks.append((self.stack.count, self.offset))
        case .pop:
            if self.marks.last?.height == self.stack.count { self.marks.removeLast() } else { _ = try self.pop() }
        case .popMark: _ = try self.popItems()
        case .duplicate:
            let top = try self.pop()
            self.stack.append(top)
            self.stack.append(Place(node: top.node, span: self.offset..<self.input.offset))
        case .get, .binGet, .longBinGet: try self.recall(self.readIndex(opcode))
        case .put, .binPut, .longBinPut: try self.remember(self.readIndex(opcode), isImplied: false)
        case .memoize: try self.remember(self.memo.count, isImplied: true)

        case .tuple:
            let (items, start) = try self.popItems()
            self.push(.tuple(items), from: start)
        case .tuple1: try self.pushTuple(1)
        case .tuple2: try self.pushTuple(2)
        case .tuple3: try self.pushTuple(3)
        case .frozenSet:
            let (items, start) = try self.popItems()
            self.push(.set, from: start)
            self.outline.nodes[self.outline.nodes.count - 1].entries = items.map { RecordOutline.Entry(value: $0) }
        case .list, .dict:
            let (items, start) = try self.popItems()
            self.push(opcode == .list ? .list : .dict, from: start)
            try self.fill(items, opcode)
        case .append: try self.fill(self.pop(1), opcode)
        case .setItem: try self.fill(self.pop(2), opcode)
        case .appends, .setItems, .addItems: try self.fill(self.popItems().items, opcode)

        case .stackGlobal:
            let names = try self.pop(2)
            guard case .leaf(.string(let module)) = self.outline[names[0]].shape,
                case .leaf(.string(let name)) = self.outline[names[1]].shape
            else { throw self.input.fault("a global whose module and name are no strings") }
            self.push(.leaf(.global(PickleGlobal(module, name))), from: names[0].span.lowerBound)
        case .binPersistentID:
            let id = try self.pop()
            self.push(.persistentID(id), from: id.span.lowerBound)
        case .reduce, .newObject:
            let parts = try self.pop(2)
            self.push(.object(parts), from: parts[0].span.lowerBound)
        case .newObjectWithKeywords:
            let parts = try self.pop(3)
            self.push(.object(parts), from: parts[0].span.lowerBound)
        case .instance:
            self.pushLeaf(.global(PickleGlobal(try self.input.readTextLine(), try self.input.readTextLine())))
            let callable = try self.pop()
            let (items, start) = try self.popItems()
            self.push(.object([callable] + items), from: start)
        case .object:
            let (items, start) = try self.popItems()
            guard !items.isEmpty else { throw self.input.fault("an object without a class") }
            self.push(.object(items), from: start)
        case .build:
            let state = try self.pop()
            let node = try self.extendTop(filling: true)
            guard case .object = self.outline.nodes[node].shape, self.outline.nodes[node].state == nil else {
                throw self.input.fault("a state for something that is no object, or has one")
            }
            self.outline.nodes[node].state = state
        case .extension1, .extension2, .extension4:
            throw self.input.fault("an extension code; the registry that would say what it means is not in the pickle")
        default:
            throw self.input.fault("a buffer out of band, which is not in the pickle")
        }
    }

    private mutating func pushTuple(_ count: Int) throws(FormatError) {
        let parts = try self.pop(count)
        self.push(.tuple(parts), from: parts[0].span.lowerBound)
    }

    private mutating func fill(_ items: [Place], _ opcode: PickleOpcode) throws(FormatError) {
        let node = try self.extendTop(filling: true)
        let filler = opcode == .append || opcode == .setItem ? self.offset : nil
        switch (self.outline.nodes[node].shape, opcode) {
        case (.list, .append), (.list, .appends), (.list, .list), (.object, .append), (.object, .appends):
            self.outline.nodes[node].entries += items.map { RecordOutline.Entry(value: $0, filler: filler) }
        case (.dict, .setItem), (.dict, .setItems), (.dict, .dict), (.object, .setItem), (.object, .setItems):
            guard items.count.isMultiple(of: 2) else { throw self.input.fault("a key without a value") }
            for index in stride(from: 0, to: items.count, by: 2) {
                let entry = RecordOutline.Entry(key: items[index], value: items[index + 1], filler: filler)
                self.outline.nodes[node].entries.append(entry)
            }
        case (.set, .addItems): self.outline.nodes[node].entries += items.map { RecordOutline.Entry(value: $0) }
        default: throw self.input.fault("fills something that takes no such elements")
        }
    }

    // MARK: The memo

    private mutating func readIndex(_ opcode: PickleOpcode) throws(FormatError) -> Int {
        switch opcode {
        case .binGet, .binPut: return Int(try self.input.readByte())
        case .longBinGet, .longBinPut: return try self.input.readInteger(as: UInt32.self)
        default:
            guard let index = Int(try self.input.readTextLine()), index >= 0 else {
                throw self.input.fault("a memo index that is none")
            }
            return index
        }
    }

    private mutating func recall(_ index: Int) throws(FormatError) {
        guard let node = self.memo[index] else { throw self.input.fault("memo has no value \(index)") }
        self.outline.gets.append((self.offset, index))
        self.stack.append(Place(node: node, span: self.offset..<self.input.offset))
    }

    private mutating func remember(_ index: Int, isImplied: Bool) throws(FormatError) {
        self.memo.set(index, to: try self.extendTop(filling: false))
        self.outline.puts.append((self.offset, index, isImplied))
    }
}
