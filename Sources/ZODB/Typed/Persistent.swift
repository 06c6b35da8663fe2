//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import OrderedCollections
import ZODBFormat
import ZODBStorage

/// A persistent object of a Python class that a Swift type stands for.
///
/// ```swift
/// let guest = try await root.object("guest") as? Persistent<Guest>
/// print(try guest.name)
/// try guest.update { $0.visits.append(.now) }
/// ```
///
/// Only attributes whose values differ are written. Everything else stays in the record as it is, and may be read and
/// changed by its name, too: see `OpaqueObject`.
@dynamicMemberLookup
public final class Persistent<Value: PythonClass>: OpaqueObject {
    /// What the record says; `nil` when it has to be read again.
    private var known: Value?

    /// The object of a record.
    override init(record: ByteBuffer) throws(FormatError) {
        try super.init(record: record)
    }

    /// A new object. It becomes part of the database when an object that refers to it is committed.
    ///
    /// Throws `EncodingError` for a value that its own coding refuses.
    public init(_ value: Value) throws {
        let (arguments, state) = Value.parts(try PersistentEncoder.encode(attributesOf: value))
        let name = PickleValue.global(Value.pythonClass)
        super.init(
            classDescription: arguments.isEmpty ? name : .tuple([name, .tuple(arguments.map(\.pickle))]),
            state: .dictionary(state)
        )
        self.known = value
    }

    /// The object as the Swift type shows it.
    ///
    /// Throws `FormatError` when the attributes are not what the type expects.
    public var value: Value {
        get throws {
            if let known { return known }
            let value = try self.decoded()
            self.known = value
            return value
        }
    }

    /// A property of the value.
    public subscript<Property>(dynamicMember property: KeyPath<Value, Property>) -> Property {
        get throws { try self.value[keyPath: property] }
    }

    /// Changes the object: what `body` makes different is written, and nothing else.
    ///
    /// Throws what `body` throws, and `StorageError.invalidArgument` for what cannot be changed in a record without
    /// changing something else. The object stays then as it was.
    public func update<Result>(_ body: (inout Value) throws -> Result) throws -> Result {
        let old = try self.value
        var new = old
        let result = try body(&new)
        try self.atomically {
            let earlier = try PersistentEncoder.encode(attributesOf: old)
            try self.write(
                try PersistentEncoder.encode(attributesOf: new),
                insteadOf: earlier,
                Value.constructorArguments
            )
        }
        self.known = new
        return result
    }

    override func didAdopt() {
        self.known = nil
    }

    private func decoded() throws -> Value {
        do {
            var attributes: [String: PersistentValue]?
            do {
                attributes = try self.attributes.value.attributes()
            } catch is FormatError {}
            // Perhaps some attribute has no such form, but none that the type asks for.
            var items = OrderedDictionary<PersistentValue, PersistentValue>()
            for (name, value) in attributes ?? self.readableAttributes() { items[.string(name)] = value }
            for (name, argument) in zip(Value.constructorArguments, self.arguments) {
                items[.string(name)] = PersistentValue(argument)
            }
            return try PersistentDecoder.decode(Value.self, from: .dictionary(items))
        } catch let error as DecodingError {
            let error = FormatError("object", "cannot be read as \(Value.self): \(error.explanation)")
            throw self.oid.map { error.of($0) } ?? error
        }
    }

    private func readableAttributes() -> [String: PersistentValue] {
        self.attributes.attributeNames.reduce(into: [:]) { $0[$1] = try? self.attributes.attribute($1).value }
    }

    private var arguments: [PickleValue] {
        guard case .tuple(let parts) = self.classDescription, parts.count == 2, case .tuple(let arguments) = parts[1]
        else { return [] }
        return arguments
    }
}

extension DecodingError {
    /// What is wrong, and with which attribute.
    fileprivate var explanation: String {
        let context: Context
        switch self {
        case .typeMismatch(_, let found), .valueNotFound(_, let found), .keyNotFound(_, let found),
            .dataCorrupted(let found):
            context = found
        @unknown default: return "\(self)"
        }
        let path = context.codingPath.map(\.stringValue).joined(separator: ".")
        return path.isEmpty ? context.debugDescription : "\(path): \(context.debugDescription)"
    }
}
