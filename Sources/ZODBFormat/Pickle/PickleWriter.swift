//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// Writes values as pickles of protocol 3, which every Python 3 reads and ZODB writes.
///
/// Nothing is shared: a value that occurs twice is written twice. What protocol 3 has no instruction for is written as
/// Python writes it (sets and byte arrays as calls of `builtins`, nested classes with `getattr`); keyword arguments of
/// `__new__` take the instruction of protocol 4, which all readers know whatever the header says.
public struct PickleWriter: Sendable {
    /// A writer.
    public init() {}

    /// Appends one whole pickle of `value`, from PROTO to STOP.
    public func write(_ value: PickleValue, into buffer: inout ByteBuffer) {
        buffer.writeInteger(PickleOpcode.proto.rawValue)
        buffer.writeInteger(UInt8(3))
        buffer.writePickled(value)
        buffer.writePickle(.stop)
    }
}

// Numbers and bytes are also what `PythonDumper` writes.
extension ByteBuffer {
    fileprivate mutating func writePickle(_ opcode: PickleOpcode) {
        self.writeInteger(opcode.rawValue)
    }

    fileprivate mutating func writePickled(_ value: PickleValue) {
        switch value {
        case .none: self.writePickle(.none)
        case .bool(let bool): self.writePickle(bool ? .newTrue : .newFalse)
        case .int(let int): self.writePickled(int)
        case .bigInt(let bytes): self.writePickled(integer: bytes)
        case .float(let double):
            self.writeMultipleIntegers(PickleOpcode.binFloat.rawValue, double.bitPattern)
        case .string(let string): self.writePickled(string)
        case .bytes(let bytes): self.writePickled(bytes)
        case .byteArray(let bytes):
            self.writePickled(PickleGlobal("builtins", "bytearray"))
            self.writePickled(bytes)
            self.writePickle(.tuple1)
            self.writePickle(.reduce)
        case .tuple(let elements): self.writePickled(tuple: elements)
        case .list(let elements):
            self.writePickle(.emptyList)
            self.writePickled(appending: elements)
        case .dict(let items):
            self.writePickle(.emptyDict)
            self.writePickled(setting: items)
        case .set(let elements): self.writePickled(calling: "set", elements)
        case .frozenSet(let elements): self.writePickled(calling: "frozenset", elements)
        case .global(let global): self.writePickled(global)
        case .persistentID(let id):
            self.writePickled(id)
            self.writePickle(.binPersistentID)
        case .object(let object): self.writePickled(object)
        }
    }

    mutating func writePickled(_ int: Int) {
        if let byte = UInt8(exactly: int) {
            self.writeMultipleIntegers(PickleOpcode.binInt1.rawValue, byte)
        } else if let short = UInt16(exactly: int) {
            self.writeMultipleIntegers(PickleOpcode.binInt2.rawValue, short, endianness: .little)
        } else if let long = Int32(exactly: int) {
            self.writeMultipleIntegers(PickleOpcode.binInt.rawValue, long, endianness: .little)
        } else {
            self.writePickled(integer: PickleInteger.littleEndian(int))
        }
    }

    mutating func writePickled(integer bytes: [UInt8]) {
        if let length = UInt8(exactly: bytes.count) {
            self.writeMultipleIntegers(PickleOpcode.long1.rawValue, length)
        } else {
            self.writeMultipleIntegers(PickleOpcode.long4.rawValue, UInt32(bytes.count), endianness: .little)
        }
        self.writeBytes(bytes)
    }

    private mutating func writePickled(_ string: String) {
        self.writeMultipleIntegers(PickleOpcode.binUnicode.rawValue, UInt32(string.utf8.count), endianness: .little)
        self.writeString(string)
    }

    mutating func writePickled(_ bytes: ByteBuffer) {
        if let length = UInt8(exactly: bytes.readableBytes) {
            self.writeMultipleIntegers(PickleOpcode.shortBinBytes.rawValue, length)
        } else {
            self.writeMultipleIntegers(PickleOpcode.binBytes.rawValue, UInt32(bytes.readableBytes), endianness: .little)
        }
        self.writeImmutableBuffer(bytes)
    }

    private mutating func writePickled(tuple elements: [PickleValue]) {
        if elements.count > 3 { self.writePickle(.mark) }
        for element in elements { self.writePickled(element) }
        switch elements.count {
        case 0: self.writePickle(.emptyTuple)
        case 1: self.writePickle(.tuple1)
        case 2: self.writePickle(.tuple2)
        case 3: self.writePickle(.tuple3)
        default: self.writePickle(.tuple)
        }
    }

    private mutating func writePickled(appending elements: [PickleValue]) {
        guard !elements.isEmpty else { return }
        self.writePickle(.mark)
        for element in elements { self.writePickled(element) }
        self.writePickle(.appends)
    }

    private mutating func writePickled(setting items: [PickleItem]) {
        guard !items.isEmpty else { return }
        self.writePickle(.mark)
        for item in items {
            self.writePickled(item.key)
            self.writePickled(item.value)
        }
        self.writePickle(.setItems)
    }

    private mutating func writePickled(calling builtin: String, _ elements: [PickleValue]) {
        self.writePickled(PickleGlobal("builtins", builtin))
        self.writePickled(.list(elements))
        self.writePickle(.tuple1)
        self.writePickle(.reduce)
    }

    private mutating func writePickled(_ global: PickleGlobal) {
        // Protocol 3 finds nothing behind a dot, and a line feed would end the name.
        if let dot = global.name.lastIndex(of: "."), dot != global.name.startIndex {
            self.writePickled(PickleGlobal("builtins", "getattr"))
            self.writePickled(PickleGlobal(global.module, String(global.name[..<dot])))
            self.writePickled(String(global.name[global.name.index(after: dot)...]))
            self.writePickle(.tuple2)
            self.writePickle(.reduce)
        } else if global.module.utf8.contains(0x0a) || global.name.utf8.contains(0x0a) {
            self.writePickled(global.module)
            self.writePickled(global.name)
            self.writePickle(.stackGlobal)
        } else {
            self.writePickle(.global)
            self.writeString(global.module + "\n" + global.name + "\n")
        }
    }

    private mutating func writePickled(_ object: PickleObject) {
        self.writePickled(object.callable)
        self.writePickled(object.arguments)
        switch object.construction {
        case .reduce: self.writePickle(.reduce)
        case .new: self.writePickle(.newObject)
        case .newWithKeywords(let keywords):
            self.writePickled(keywords)
            self.writePickle(.newObjectWithKeywords)
        }
        self.writePickled(appending: object.listItems)
        self.writePickled(setting: object.dictItems)
        if let state = object.state {
            self.writePickled(state)
            self.writePickle(.build)
        }
    }
}
