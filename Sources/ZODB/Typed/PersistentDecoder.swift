//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import FoundationEssentials
import NIOCore
import OrderedCollections
import ZODBFormat

/// Reads Swift values from what persistent objects hold.
struct PersistentDecoder: Decoder {
    let value: PersistentValue
    /// Which attributes the arguments of the call are that makes the object.
    var argumentNames: [String] = []
    var codingPath: [any CodingKey] = []
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    static func decode<Value: Decodable>(
        _ type: Value.Type,
        from value: PersistentValue,
        _ path: [any CodingKey] = []
    ) throws -> Value {
        switch type {
        case is PythonValue.Type: if let value = PythonValue(value) as? Value { return value }
        case is Date.Type: if let value = value.date as? Value { return value }
        case is UUID.Type: if let value = value.uuid as? Value { return value }
        case is Decimal.Type: if let value = (value.decimal ?? value.int.map { Decimal($0) }) as? Value { return value }
        case is ByteBuffer.Type: if let value = value.bytes as? Value { return value }
        case is Data.Type: if let value = value.bytes.map({ Data($0.readableBytesView) }) as? Value { return value }
        default:
            let names = (type as? any PythonClass.Type)?.constructorArguments ?? []
            return try Value(from: PersistentDecoder(value: value, argumentNames: names, codingPath: path))
        }
        throw Self.mismatch(type, value, path)
    }

    static func mismatch(_ type: Any.Type, _ value: PersistentValue, _ path: [any CodingKey]) -> DecodingError {
        let context = DecodingError.Context(codingPath: path, debugDescription: "\(value.kind) is no \(type)")
        return .typeMismatch(type, context)
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        guard let attributes = self.value.attributes(self.argumentNames) else {
            throw Self.mismatch([String: Any].self, self.value, self.codingPath)
        }
        return KeyedDecodingContainer(KeyedPersistentDecoder(attributes: attributes, codingPath: self.codingPath))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        guard let elements = self.value.elements ?? self.value.members.map(Array.init) else {
            throw Self.mismatch([Any].self, self.value, self.codingPath)
        }
        return UnkeyedPersistentDecoder(elements: elements, codingPath: self.codingPath)
    }

    func singleValueContainer() throws -> any SingleValueDecodingContainer {
        SinglePersistentDecoder(value: self.value, codingPath: self.codingPath)
    }
}

private struct SinglePersistentDecoder: SingleValueDecodingContainer {
    let value: PersistentValue
    let codingPath: [any CodingKey]

    func decodeNil() -> Bool { self.value.isNull }
    func decode(_ type: Bool.Type) throws -> Bool { try self.require(self.value.bool) }
    func decode(_ type: String.Type) throws -> String { try self.require(self.value.text) }
    func decode(_ type: Double.Type) throws -> Double { try self.require(self.value.double) }
    func decode(_ type: Float.Type) throws -> Float { Float(try self.decode(Double.self)) }
    func decode(_ type: Int.Type) throws -> Int { try self.integer(type) }
    func decode(_ type: Int8.Type) throws -> Int8 { try self.integer(type) }
    func decode(_ type: Int16.Type) throws -> Int16 { try self.integer(type) }
    func decode(_ type: Int32.Type) throws -> Int32 { try self.integer(type) }
    func decode(_ type: Int64.Type) throws -> Int64 { try self.integer(type) }
    func decode(_ type: UInt.Type) throws -> UInt { try self.integer(type) }
    func decode(_ type: UInt8.Type) throws -> UInt8 { try self.integer(type) }
    func decode(_ type: UInt16.Type) throws -> UInt16 { try self.integer(type) }
    func decode(_ type: UInt32.Type) throws -> UInt32 { try self.integer(type) }
    func decode(_ type: UInt64.Type) throws -> UInt64 { try self.integer(type) }

    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        try PersistentDecoder.decode(type, from: self.value, self.codingPath)
    }

    private func require<Value>(_ found: Value?) throws -> Value {
        guard let found else { throw PersistentDecoder.mismatch(Value.self, self.value, self.codingPath) }
        return found
    }

    private func integer<Number: FixedWidthInteger>(_ type: Number.Type) throws -> Number {
        if let int = self.value.int { return try self.require(Number(exactly: int)) }
        // Unsigned integers of 64 bits are the only others.
        return try self.require(self.value.bigInteger.flatMap { Number($0.description) })
    }
}

private struct KeyedPersistentDecoder<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let attributes: [String: PersistentValue]
    let codingPath: [any CodingKey]

    var allKeys: [Key] { self.attributes.keys.compactMap(Key.init(stringValue:)) }

    func contains(_ key: Key) -> Bool { self.attributes[key.stringValue] != nil }

    private func value(_ key: any CodingKey) throws -> PersistentValue {
        guard let value = self.attributes[key.stringValue] else {
            let context = DecodingError.Context(
                codingPath: self.codingPath,
                debugDescription: "there is no attribute '\(key.stringValue)'"
            )
            throw DecodingError.keyNotFound(key, context)
        }
        return value
    }

    private func single(_ key: Key) throws -> SinglePersistentDecoder {
        SinglePersistentDecoder(value: try self.value(key), codingPath: self.codingPath + [key])
    }

    func decodeNil(forKey key: Key) throws -> Bool { try self.value(key).isNull }
    func decode(_ type: Bool.Type, forKey key: Key) throws -> Bool { try self.single(key).decode(type) }
    func decode(_ type: String.Type, forKey key: Key) throws -> String { try self.single(key).decode(type) }
    func decode(_ type: Double.Type, forKey key: Key) throws -> Double { try self.single(key).decode(type) }
    func decode(_ type: Float.Type, forKey key: Key) throws -> Float { try self.single(key).decode(type) }
    func decode(_ type: Int.Type, forKey key: Key) throws -> Int { try self.single(key).decode(type) }
    func decode(_ type: Int8.Type, forKey key: Key) throws -> Int8 { try self.single(key).decode(type) }
    func decode(_ type: Int16.Type, forKey key: Key) throws -> Int16 { try self.single(key).decode(type) }
    func decode(_ type: Int32.Type, forKey key: Key) throws -> Int32 { try self.single(key).decode(type) }
    func decode(_ type: Int64.Type, forKey key: Key) throws -> Int64 { try self.single(key).decode(type) }
    func decode(_ type: UInt.Type, forKey key: Key) throws -> UInt { try self.single(key).decode(type) }
    func decode(_ type: UInt8.Type, forKey key: Key) throws -> UInt8 { try self.single(key).decode(type) }
    func decode(_ type: UInt16.Type, forKey key: Key) throws -> UInt16 { try self.single(key).decode(type) }
    func decode(_ type: UInt32.Type, forKey key: Key) throws -> UInt32 { try self.single(key).decode(type) }
    func decode(_ type: UInt64.Type, forKey key: Key) throws -> UInt64 { try self.single(key).decode(type) }

    func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
        try PersistentDecoder.decode(type, from: try self.value(key), self.codingPath + [key])
    }

    private func decoder(_ key: any CodingKey) throws -> PersistentDecoder {
        PersistentDecoder(value: try self.value(key), codingPath: self.codingPath + [key])
    }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type,
        forKey key: Key
    ) throws -> KeyedDecodingContainer<Nested> {
        try self.decoder(key).container(keyedBy: type)
    }

    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        try self.decoder(key).unkeyedContainer()
    }

    func superDecoder() throws -> any Decoder {
        PersistentDecoder(value: .dictionary([:]), codingPath: self.codingPath)
    }

    func superDecoder(forKey key: Key) throws -> any Decoder { try self.decoder(key) }
}

private struct UnkeyedPersistentDecoder: UnkeyedDecodingContainer {
    let elements: [PersistentValue]
    let codingPath: [any CodingKey]
    var currentIndex = 0

    init(elements: [PersistentValue], codingPath: [any CodingKey]) {
        self.elements = elements
        self.codingPath = codingPath
    }

    var count: Int? { self.elements.count }
    var isAtEnd: Bool { self.currentIndex == self.elements.count }

    private mutating func next() throws -> PersistentDecoder {
        guard !self.isAtEnd else {
            let context = DecodingError.Context(
                codingPath: self.codingPath,
                debugDescription: "there are no more elements"
            )
            throw DecodingError.valueNotFound(PersistentValue.self, context)
        }
        defer { self.currentIndex += 1 }
        let key = ElementKey(intValue: self.currentIndex)
        return PersistentDecoder(value: self.elements[self.currentIndex], codingPath: self.codingPath + [key])
    }

    mutating func decodeNil() throws -> Bool {
        guard !self.isAtEnd, self.elements[self.currentIndex].isNull else { return false }
        self.currentIndex += 1
        return true
    }

    mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        let decoder = try self.next()
        return try PersistentDecoder.decode(type, from: decoder.value, decoder.codingPath)
    }

    mutating func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) throws -> KeyedDecodingContainer<Nested>
    {
        try self.next().container(keyedBy: type)
    }

    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
        try self.next().unkeyedContainer()
    }

    mutating func superDecoder() throws -> any Decoder { try self.next() }
}

/// The position of an element, or the name of a key, in messages.
struct ElementKey: CodingKey {
    let stringValue: String
    let intValue: Int?

    init(intValue: Int) {
        self.stringValue = "\(intValue)"
        self.intValue = intValue
    }

    init(stringValue: String) {
        self.stringValue = stringValue
        self.intValue = nil
    }
}
