//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Runs the two pickles of a record on a stack that remembers only what a persistent id can be made of.
struct ReferenceScanner: Sendable {
    /// What lies on the stack. Tokens do not nest deeper than persistent ids do.
    private enum Token: Sendable {
        /// Something that no persistent id contains.
        case opaque
        /// Bytes or text, by their place in the record.
        case data(start: Int, length: Int)
        case oid(ObjectID)
        /// An index into `globals`.
        case global(Int)
        case tuple([Token])
        case list([Token])
        /// The tuple that nearly all references are: an oid and an index into `globals`.
        case reference(ObjectID, className: Int)
    }

    /// The whole record: what was read already cannot be read again from `input`.
    private var record: ByteBuffer
    private var input: PickleInput
    /// Whether the names of classes are remembered. Whoever does not want them need not pay for them.
    private let keepsClassNames: Bool
    private var stack: [Token] = []
    private var marks: [Int] = []
    private var memo = PickleMemo<Token>()
    private var globals: [PickleGlobal] = []
    private(set) var references: [ObjectReference] = []

    init(_ record: ByteBuffer, keepsClassNames: Bool = true) {
        self.record = record
        self.input = PickleInput(record)
        self.keepsClassNames = keepsClassNames
    }

    /// Scans another record, in the memory that the last one took. What it found is in `references` until the next one.
    mutating func scanNext(_ record: ByteBuffer) throws(FormatError) {
        self.record = record
        self.input = PickleInput(record)
        self.stack.removeAll(keepingCapacity: true)
        self.marks.removeAll(keepingCapacity: true)
        self.memo.removeAll()
        self.globals.removeAll(keepingCapacity: true)
        self.references.removeAll(keepingCapacity: true)
        try self.scan()
    }

    mutating func scanRecord() throws(FormatError) -> [ObjectReference] {
        try self.scan()
        return self.references
    }

    private mutating func scan() throws(FormatError) {
        // The state may name what the class pickle remembered.
        for _ in 0..<2 {
            while true {
                let opcode = try self.input.readOpcode()
                if opcode == .stop { break }
                try self.execute(opcode)
            }
            self.stack.removeAll(keepingCapacity: true)
            self.marks.removeAll(keepingCapacity: true)
        }
    }

    private mutating func execute(_ opcode: PickleOpcode) throws(FormatError) {
        switch opcode {
        case .stop: break
        case .proto: _ = try self.input.readByte()
        case .frame: try self.input.expectFrame(self.input.readInteger(as: UInt64.self))

        case .none, .newTrue, .newFalse, .emptyDict, .emptySet: self.stack.append(.opaque)
        case .binInt1: try self.skip(1)
        case .binInt2: try self.skip(2)
        case .binInt: try self.skip(4)
        case .binFloat: try self.skip(8)
        case .long1: try self.skip(Int(self.input.readByte()))
        case .long4: try self.skip(self.input.readInteger(as: Int32.self))
        case .byteArray8: try self.skip(self.input.readInteger(as: UInt64.self))
        case .int, .long, .float:
            _ = try self.input.readLine()
            self.stack.append(.opaque)

        case .shortBinBytes, .shortBinString, .shortBinUnicode: try self.pushData(Int(self.input.readByte()))
        case .binBytes, .binUnicode: try self.pushData(self.input.readInteger(as: UInt32.self))
        case .binString: try self.pushData(self.input.readInteger(as: Int32.self))
        case .binBytes8, .binUnicode8: try self.pushData(self.input.readInteger(as: UInt64.self))
        case .string, .unicode:
            // Only protocol 0 writes these, and ZODB never wrote references in it.
            _ = try self.input.readLine()
            self.stack.append(.opaque)
        case .global where !self.keepsClassNames: try self.pushUnnamedGlobal()
        case .global: try self.pushGlobal(self.input.readTextLine(), self.input.readTextLine())
        case .stackGlobal where !self.keepsClassNames: try self.replaceByUnnamedGlobal()
        case .stackGlobal:
            let name = try self.pop()
            guard let module = self.text(try self.pop()), let name = self.text(name) else {
                throw self.input.fault("a global whose module and name are no strings")
            }
            self.pushGlobal(module, name)

        case .emptyTuple: self.stack.append(.opaque)
        case .tuple: try self.pushTuple(from: self.popMark())
        case .tuple1: try self.pushTuple(count: 1)
        case .tuple2: try self.pushTuple(count: 2)
        case .tuple3: try self.pushTuple(count: 3)
        case .emptyList: self.stack.append(.list([]))
        case .list:
            let start = try self.popMark()
            let elements = self.stack[start...].prefix(3).map(Self.listElement)
            self.stack.removeSubrange(start...)
            self.stack.append(.list(elements))
        case .dict, .frozenSet: try self.replace(from: self.popMark())
        case .append: try self.append([Self.listElement(self.pop())])
        case .appends:
            let start = try self.popMark()
            let elements = self.stack[start...].prefix(3).map(Self.listElement)
            self.stack.removeSubrange(start...)
            try self.append(elements)
        case .setItems, .addItems: self.stack.removeSubrange(try self.popMark()...)
        case .setItem:
            _ = try self.pop()
            _ = try self.pop()
        case .build: _ = try self.pop()

        case .mark: self.marks.append(self.stack.count)
        case .pop:
            if self.marks.last == self.stack.count { self.marks.removeLast() } else { _ = try self.pop() }
        case .popMark: self.stack.removeSubrange(try self.popMark()...)
        case .duplicate: try self.stack.append(self.top())
        case .get: try self.recall(self.readIndex())
        case .binGet: try self.recall(Int(self.input.readByte()))
        case .longBinGet: try self.recall(self.input.readInteger(as: UInt32.self))
        case .put: try self.memo.set(self.readIndex(), to: self.top())
        case .binPut: try self.memo.set(Int(self.input.readByte()), to: self.top())
        case .longBinPut: try self.memo.set(self.input.readInteger(as: UInt32.self), to: self.top())
        case .memoize: try self.memo.set(self.memo.count, to: self.top())

        case .reduce, .newObject:
            let arguments = try self.pop()
            try self.stack.append(self.call(self.pop(), arguments))
        case .newObjectWithKeywords:
            for _ in 0..<3 { _ = try self.pop() }
            self.stack.append(.opaque)
        case .instance:
            _ = try self.input.readLine()
            _ = try self.input.readLine()
            try self.replace(from: self.popMark())
        case .object: try self.replace(from: self.popMark())
        case .binPersistentID:
            let id = try self.pop()
            try self.refer(id)
            self.stack.append(.opaque)
        case .persistentID:
            // Protocol 0 alone writes these.
            throw self.input.fault("a reference of an unknown form")
        case .extension1: try self.skip(1)
        case .extension2: try self.skip(2)
        case .extension4: try self.skip(4)
        case .nextBuffer, .readOnlyBuffer:
            throw self.input.fault("a buffer out of band, which is not in the pickle")
        }
    }
}

// MARK: References

extension ReferenceScanner {
    private mutating func refer(_ token: Token) throws(FormatError) {
        guard let reference = self.reference(token) else {
            throw self.input.fault("a reference of an unknown form")
        }
        self.references.append(reference)
    }

    private func reference(_ token: Token) -> ObjectReference? {
        switch token {
        case .oid, .data: return self.oid(token).map { ObjectReference($0) }
        case .reference(let oid, let className):
            return ObjectReference(oid, className: self.keepsClassNames ? self.globals[className] : nil)
        case .tuple(let parts):
            guard parts.count == 2, let oid = self.oid(parts[0]) else { return nil }
            return ObjectReference(oid, className: self.className(parts[1]))
        case .list(let parts):
            if parts.count == 1 { return self.oid(parts[0]).map { ObjectReference($0, isWeak: true) } }
            guard parts.count == 2, let kind = self.text(parts[0]), case .tuple(let arguments) = parts[1] else {
                return nil
            }
            return self.extended(kind, arguments)
        case .opaque, .global: return nil
        }
    }

    private func extended(_ kind: String, _ arguments: [Token]) -> ObjectReference? {
        switch (kind, arguments.count) {
        case ("w", 1): return self.oid(arguments[0]).map { ObjectReference($0, isWeak: true) }
        case ("w", 2):
            guard let oid = self.oid(arguments[0]) else { return nil }
            return ObjectReference(oid, database: self.text(arguments[1]), isWeak: true)
        case ("n", 2), ("m", 3):
            guard let database = self.text(arguments[0]), let oid = self.oid(arguments[1]) else { return nil }
            return ObjectReference(oid, database: database, className: arguments.last.flatMap(self.className))
        default: return nil
        }
    }

    /// Oids are bytes; Python 2 wrote strings.
    private func oid(_ token: Token) -> ObjectID? {
        switch token {
        case .data(let start, length: 8): self.record.getIdentifier(at: start)
        case .oid(let oid): oid
        default: nil
        }
    }

    private func text(_ token: Token) -> String? {
        guard case .data(let start, let length) = token,
            let bytes = self.record.viewBytes(at: start, length: length)
        else { return nil }
        return String(validating: bytes, as: UTF8.self)
    }

    private func className(_ token: Token) -> PickleGlobal? {
        if self.keepsClassNames, case .global(let index) = token { self.globals[index] } else { nil }
    }

    /// Whether something is the function as a call of which Python 3 spells bytes of older protocols.
    private func isEncoder(_ token: Token) -> Bool {
        guard case .global(let index) = token else { return false }
        return self.keepsClassNames ? self.globals[index] == PickleGlobal("_codecs", "encode") : index == Self.encoder
    }

    /// Python 3 spells bytes of older protocols as a call.
    private func call(_ callable: Token, _ arguments: Token) -> Token {
        guard self.isEncoder(callable), case .tuple(let parts) = arguments,
            let text = parts.first.flatMap(self.text)
        else { return .opaque }
        let bytes = text.unicodeScalars.compactMap { UInt8(exactly: $0.value) }
        guard bytes.count == 8, text.unicodeScalars.count == 8 else { return .opaque }
        return .oid(ObjectID(rawValue: bytes.reduce(0) { $0 << 8 | UInt64($1) }))
    }
}

// MARK: Stack

extension ReferenceScanner {
    private var fence: Int { self.marks.last ?? 0 }

    private mutating func pop() throws(FormatError) -> Token {
        guard self.stack.count > self.fence, let token = self.stack.popLast() else {
            throw self.input.fault("takes more than the stack holds")
        }
        return token
    }

    private func top() throws(FormatError) -> Token {
        guard self.stack.count > self.fence, let token = self.stack.last else {
            throw self.input.fault("takes more than the stack holds")
        }
        return token
    }

    private mutating func popMark() throws(FormatError) -> Int {
        guard let mark = self.marks.popLast() else { throw self.input.fault("takes a mark that was not set") }
        return mark
    }

    private mutating func skip(_ length: Int) throws(FormatError) {
        try self.input.skip(length)
        self.stack.append(.opaque)
    }

    private mutating func pushData(_ length: Int) throws(FormatError) {
        let start = self.input.buffer.readerIndex
        try self.input.skip(length)
        self.stack.append(.data(start: start, length: length))
    }

    private mutating func pushGlobal(_ module: String, _ name: String) {
        self.stack.append(.global(self.globals.count))
        self.globals.append(PickleGlobal(module, name))
    }

    /// The indexes of globals where their names are not kept.
    private static let encoder = 1
    private static let otherGlobal = 0

    private mutating func pushUnnamedGlobal() throws(FormatError) {
        let module = try self.input.readLine()
        let name = try self.input.readLine()
        self.pushUnnamedGlobal(module.readableBytesView, name.readableBytesView)
    }

    private mutating func replaceByUnnamedGlobal() throws(FormatError) {
        let name = try self.pop()
        guard case .data(let moduleStart, let moduleLength) = try self.pop(),
            case .data(let nameStart, let nameLength) = name,
            let module = self.record.viewBytes(at: moduleStart, length: moduleLength),
            let name = self.record.viewBytes(at: nameStart, length: nameLength)
        else { throw self.input.fault("a global whose module and name are no strings") }
        self.pushUnnamedGlobal(module, name)
    }

    private mutating func pushUnnamedGlobal(_ module: ByteBufferView, _ name: ByteBufferView) {
        let isEncoder = module.count == 7 && module.elementsEqual("_codecs".utf8) && name.elementsEqual("encode".utf8)
        self.stack.append(.global(isEncoder ? Self.encoder : Self.otherGlobal))
    }

    private mutating func replace(from start: Int) {
        self.stack.removeSubrange(start...)
        self.stack.append(.opaque)
    }

    private mutating func pushTuple(count: Int) throws(FormatError) {
        guard self.stack.count - self.fence >= count else { throw self.input.fault("takes more than the stack holds") }
        self.pushTuple(from: self.stack.count - count)
    }

    /// Only tuples with something like an oid among few elements are remembered, and nothing that they contain.
    private mutating func pushTuple(from start: Int) {
        // By index: a slice of the stack would have to be copied when the stack changes.
        if self.stack.count - start == 2, case .global(let className) = self.stack[start + 1],
            let oid = self.oid(self.stack[start])
        {
            self.stack.removeSubrange(start...)
            self.stack.append(.reference(oid, className: className))
            return
        }
        guard self.stack.count - start <= 3, (start..<self.stack.count).contains(where: self.mayBeOID) else {
            return self.replace(from: start)
        }
        var parts: [Token] = []
        parts.reserveCapacity(self.stack.count - start)
        for index in start..<self.stack.count {
            switch self.stack[index] {
            case .tuple, .list, .reference: parts.append(.opaque)
            case let token: parts.append(token)
            }
        }
        self.stack.removeSubrange(start...)
        self.stack.append(.tuple(parts))
    }

    /// Whether what lies at an index of the stack is eight bytes, or can be such bytes that Python 3 wrote as text.
    private func mayBeOID(_ index: Int) -> Bool {
        switch self.stack[index] {
        case .data(_, let length): (8...16).contains(length)
        case .oid: true
        default: false
        }
    }

    private static func listElement(_ token: Token) -> Token {
        if case .list = token { .opaque } else { token }
    }

    /// More than three elements make no reference, so no more are kept.
    private mutating func append(_ elements: [Token]) throws(FormatError) {
        guard case .list(let known) = try self.top() else { return }
        self.stack[self.stack.count - 1] = .list(Array((known + elements).prefix(3)))
    }

    private mutating func readIndex() throws(FormatError) -> Int {
        guard let index = Int(try self.input.readTextLine()), index >= 0 else {
            throw self.input.fault("a memo index that is none")
        }
        return index
    }

    private mutating func recall(_ index: Int) throws(FormatError) {
        guard let token = self.memo[index] else { throw self.input.fault("memo has no value \(index)") }
        self.stack.append(token)
    }
}
