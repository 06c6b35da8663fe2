//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import FoundationEssentials
import NIOCore
import OrderedCollections
import ZODBFormat

/// Makes what persistent objects hold of Swift values: structures become dictionaries, or objects of the Python class that
/// they stand for.
final class PersistentEncoder: Encoder {
    let codingPath: [any CodingKey]
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    fileprivate enum Content {
        case single(PersistentValue)
        case keyed(KeyedContent)
        case unkeyed(UnkeyedContent)
    }

    fileprivate var content: Content?

    init(_ codingPath: [any CodingKey] = []) {
        self.codingPath = codingPath
    }

    static func encode(_ value: any Encodable, _ path: [any CodingKey] = []) throws -> PersistentValue {
        switch value {
        case let value as PythonValue: return value.value
        case let value as Date: return .date(value)
        case let value as UUID: return .uuid(value)
        case let value as Decimal: return .decimal(value)
        case let value as ByteBuffer: return .bytes(value)
        case let value as Data: return .bytes(ByteBuffer(bytes: value))
        default: break
        }
        let encoder = PersistentEncoder(path)
        try value.encode(to: encoder)
        let encoded = encoder.value
        if value is any SetOfAnything, let elements = encoded.elements { return .set(Set(elements)) }
        guard let type = type(of: value) as? any PythonClass.Type, case .dictionary(let items) = encoded else {
            return encoded
        }
        let (arguments, state) = type.parts(items)
        let object = PickleObject(
            .new,
            callable: .global(type.pythonClass),
            arguments: .tuple(arguments.map(\.pickle)),
            state: .dict(state.pickled)
        )
        return .opaque(.object(object))
    }

    /// The attributes of an object of its own.
    static func encode(attributesOf value: some PythonClass) throws -> OrderedDictionary<
        PersistentValue, PersistentValue
    > {
        let encoder = PersistentEncoder()
        try value.encode(to: encoder)
        guard case .dictionary(let items) = encoder.value else {
            let problem = "\(type(of: value)) is not coded with keys, as an object is"
            throw EncodingError.invalidValue(value, .init(codingPath: [], debugDescription: problem))
        }
        return items
    }

    fileprivate var value: PersistentValue {
        switch self.content {
        case .single(let value): value
        case .keyed(let content): content.value
        case .unkeyed(let content): content.value
        case nil: .dictionary([:])
        }
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        let content: KeyedContent
        if case .keyed(let known) = self.content { content = known } else { content = KeyedContent() }
        self.content = .keyed(content)
        return KeyedEncodingContainer(KeyedPersistentEncoder(content: content, codingPath: self.codingPath))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        let content: UnkeyedContent
        if case .unkeyed(let known) = self.content { content = known } else { content = UnkeyedContent() }
        self.content = .unkeyed(content)
        return UnkeyedPersistentEncoder(content: content, codingPath: self.codingPath)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer { SinglePersistentEncoder(encoder: self) }
}

/// What a set is among the encodable types, which otherwise look alike.
private protocol SetOfAnything {}

extension Set: SetOfAnything {}

extension PythonClass {
    /// What Python passes to `__new__`, and what it sets as the state.
    static func parts(
        _ items: OrderedDictionary<PersistentValue, PersistentValue>
    ) -> (arguments: [PersistentValue], state: OrderedDictionary<PersistentValue, PersistentValue>) {
        let names = self.constructorArguments.map(PersistentValue.string)
        return (names.map { items[$0] ?? .null }, items.filter { !names.contains($0.key) })
    }
}

private final class KeyedContent {
    var parts: OrderedDictionary<String, () -> PersistentValue> = [:]

    var value: PersistentValue {
        var items: OrderedDictionary<PersistentValue, PersistentValue> = [:]
        for (key, part) in self.parts { items[.string(key)] = part() }
        return .dictionary(items)
    }
}

private final class UnkeyedContent {
    var parts: [() -> PersistentValue] = []

    var value: PersistentValue { .list(self.parts.map { $0() }) }
}

private struct SinglePersistentEncoder: SingleValueEncodingContainer {
    let encoder: PersistentEncoder
    var codingPath: [any CodingKey] { self.encoder.codingPath }

    func encodeNil() { self.encoder.content = .single(.null) }
    func encode(_ value: Bool) { self.encoder.content = .single(.bool(value)) }
    func encode(_ value: String) { self.encoder.content = .single(.string(value)) }
    func encode(_ value: Double) { self.encoder.content = .single(.double(value)) }
    func encode(_ value: Float) { self.encoder.content = .single(.double(Double(value))) }
    func encode(_ value: Int) { self.encoder.content = .single(.int(value)) }
    func encode(_ value: Int8) { self.encoder.content = .single(.integer(value)) }
    func encode(_ value: Int16) { self.encoder.content = .single(.integer(value)) }
    func encode(_ value: Int32) { self.encoder.content = .single(.integer(value)) }
    func encode(_ value: Int64) { self.encoder.content = .single(.integer(value)) }
    func encode(_ value: UInt) { self.encoder.content = .single(.integer(value)) }
    func encode(_ value: UInt8) { self.encoder.content = .single(.integer(value)) }
    func encode(_ value: UInt16) { self.encoder.content = .single(.integer(value)) }
    func encode(_ value: UInt32) { self.encoder.content = .single(.integer(value)) }
    func encode(_ value: UInt64) { self.encoder.content = .single(.integer(value)) }

    func encode<Value: Encodable>(_ value: Value) throws {
        self.encoder.content = .single(try PersistentEncoder.encode(value, self.codingPath))
    }
}

private struct KeyedPersistentEncoder<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let content: KeyedContent
    let codingPath: [any CodingKey]

    private func set(_ value: PersistentValue, _ key: Key) {
        self.content.parts[key.stringValue] = { value }
    }

    /// An attribute that is `nil` is there, and is `None`: to Python an object without it would be another one.
    private func setIfPresent(_ value: (some Encodable)?, _ key: Key) throws {
        if let value { try self.encode(value, forKey: key) } else { self.encodeNil(forKey: key) }
    }

    func encodeNil(forKey key: Key) { self.set(.null, key) }

    func encode<Value: Encodable>(_ value: Value, forKey key: Key) throws {
        self.set(try PersistentEncoder.encode(value, self.codingPath + [key]), key)
    }

    func encodeIfPresent(_ value: Bool?, forKey key: Key) throws { try self.setIfPresent(value, key) }
    func encodeIfPresent(_ value: String?, forKey key: Key) throws { try self.setIfPresent(value, key) }
    func encodeIfPresent(_ value: Double?, forKey key: Key) throws { try self.setIfPresent(value, key) }
    func encodeIfPresent(_ value: Float?, forKey key: Key) throws { try self.setIfPresent(value, key) }
    func encodeIfPresent(_ value: Int?, forKey key: Key) throws { try self.setIfPresent(value, key) }
    func encodeIfPresent(_ value: Int8?, forKey key: Key) throws { try self.setIfPresent(value, key) }
    func encodeIfPresent(_ value: Int16?, forKey key: Key) throws { try self.setIfPresent(value, key) }
    func encodeIfPresent(_ value: Int32?, forKey key: Key) throws { try self.setIfPresent(value, key) }
    func encodeIfPresent(_ value: Int64?, forKey key: Key) throws { try self.setIfPresent(value, key) }
    func encodeIfPresent(_ value: UInt?, forKey key: Key) throws { try self.setIfPresent(value, key) }
    func encodeIfPresent(_ value: UInt8?, forKey key: Key) throws { try self.setIfPresent(value, key) }
    func encodeIfPresent(_ value: UInt16?, forKey key: Key) throws { try self.setIfPresent(value, key) }
    func encodeIfPresent(_ value: UInt32?, forKey key: Key) throws { try self.setIfPresent(value, key) }
    func encodeIfPresent(_ value: UInt64?, forKey key: Key) throws { try self.setIfPresent(value, key) }
    func encodeIfPresent<Value: Encodable>(_ value: Value?, forKey key: Key) throws {
        try self.setIfPresent(value, key)
    }

    private func nested(_ key: any CodingKey) -> PersistentEncoder {
        let encoder = PersistentEncoder(self.codingPath + [key])
        self.content.parts[key.stringValue] = { encoder.value }
        return encoder
    }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type,
        forKey key: Key
    ) -> KeyedEncodingContainer<Nested> {
        self.nested(key).container(keyedBy: type)
    }

    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer { self.nested(key).unkeyedContainer() }
    func superEncoder() -> any Encoder { self.nested(ElementKey(stringValue: "super")) }
    func superEncoder(forKey key: Key) -> any Encoder { self.nested(key) }
}

private struct UnkeyedPersistentEncoder: UnkeyedEncodingContainer {
    let content: UnkeyedContent
    let codingPath: [any CodingKey]
    var count: Int { self.content.parts.count }

    func encodeNil() { self.content.parts.append { .null } }

    func encode<Value: Encodable>(_ value: Value) throws {
        let encoded = try PersistentEncoder.encode(value, self.codingPath + [ElementKey(intValue: self.count)])
        self.content.parts.append { encoded }
    }

    private func nested() -> PersistentEncoder {
        let encoder = PersistentEncoder(self.codingPath + [ElementKey(intValue: self.count)])
        self.content.parts.append { encoder.value }
        return encoder
    }

    func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
        self.nested().container(keyedBy: type)
    }

    func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { self.nested().unkeyedContainer() }
    func superEncoder() -> any Encoder { self.nested() }
}
