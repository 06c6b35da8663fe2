//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import ZODBFormat
import ZODBStorage

/// A place within an object whose class Swift does not know: an attribute, an item of a dictionary or an element of a list
/// in it, and so on. What is there is looked up when it is asked for.
@dynamicMemberLookup
public struct DynamicValue {
    /// The object that the place is in.
    public let object: OpaqueObject
    let path: [RecordStep]

    /// An attribute of the object that stands here. For names that `DynamicValue` has itself.
    public func attribute(_ name: String) -> DynamicValue {
        DynamicValue(object: self.object, path: self.path + [.attribute(name)])
    }

    /// An attribute of the object that stands here, which need not be there.
    public subscript(dynamicMember name: String) -> DynamicValue { self.attribute(name) }

    /// The value of a key in the dictionary that stands here, or the element at a position of a list or tuple.
    public subscript(key: PersistentValue) -> DynamicValue {
        DynamicValue(object: self.object, path: self.path + [.item(key.pickle)])
    }

    /// Whether there is such an attribute, item or element.
    public var exists: Bool {
        ((try? self.object.inspect(self.path) { try $0.place(at: self.path) }) ?? nil) != nil
    }

    /// What stands here. Objects of other classes are `opaque`, and so is what Swift has no form for.
    ///
    /// Throws `StorageError.invalidArgument` where nothing stands, and `FormatError` for what no such value can show:
    /// what contains itself, or text with lone surrogates. Its parts may be read one by one.
    public var value: PersistentValue {
        get throws {
            guard let value = try self.object.value(at: self.path) else {
                throw StorageError(.invalidArgument, "there is no \(self)", oid: self.object.oid)
            }
            return value
        }
    }

    /// The names of the attributes of the object that stands here, in their order; none where it is no object.
    public var attributeNames: [String] {
        (try? self.object.inspect(self.path) { $0.attributeNames(at: self.path) }) ?? []
    }

    /// The Python class of the object that stands here; `nil` where it is none.
    public var pythonClass: PickleGlobal? {
        if self.path.isEmpty { return self.object.className }
        return try? self.object.inspect(self.path) { outline in
            try outline.place(at: self.path).flatMap { outline.callable(at: $0) }
        }
    }

    /// The persistent object that is referred to here, loaded.
    ///
    /// Throws `StorageError.invalidArgument` when something else stands here, and what loading throws.
    public func load() async throws -> PersistentObject {
        try await self.object.resolve(try self.value, at: "\(self)")
    }

    /// Puts a value here. A new attribute or key is added behind the others.
    ///
    /// Throws `StorageError.invalidArgument` where nothing can be put without changing something else: into tuples and
    /// sets, and into objects whose state is of their own kind. Those are set as a whole.
    public func set(_ value: PersistentValue) throws {
        try self.object.set(self.path, to: value)
    }

    /// Adds an element at the end of the list that stands here.
    ///
    /// Throws `StorageError.invalidArgument` where something else stands.
    public func append(_ value: PersistentValue) throws {
        try self.object.append(value, at: self.path)
    }

    /// Removes the attribute, item or element; where it is not there, nothing happens.
    ///
    /// Throws as `set(_:)` does.
    public func remove() throws {
        try self.object.remove(self.path)
    }
}

extension DynamicValue: CustomStringConvertible {
    /// How Python would name the place.
    public var description: String { Self.description(of: self.path, in: self.object) }

    static func description(of path: [RecordStep], in object: OpaqueObject) -> String {
        path.reduce(into: object.className?.description ?? "object") { text, step in
            switch step {
            case .attribute(let name): text += ".\(name)"
            case .item(.string(let key)): text += "['\(key)']"
            case .item(.int(let key)): text += "[\(key)]"
            case .item: text += "[…]"
            }
        }
    }
}
