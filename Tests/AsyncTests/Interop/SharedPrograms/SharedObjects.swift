//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import OrderedCollections
import Testing
import ZODBFormat

@testable import ZODB

/// Runs shared programs on the objects of a database.
struct SharedObjects {
    let connection: Connection
    let root: PersistentMapping
    private(set) var said: [String] = []

    init(_ connection: Connection) async throws {
        self.connection = connection
        self.root = try await connection.root()
    }

    mutating func run(_ operation: SharedOperation) async throws {
        switch operation {
        case .make(let name): self.root[name] = .object(try self.make(name))
        case .put(let name, let start, let count, let step, let value):
            let object = try await self.object(name)
            for index in 0..<count {
                try await object.set(start + index * step, (value + index) % 1000, isReplacing: true)
            }
        case .add(let name, let index, let value):
            try await self.object(name).set(index, value, isReplacing: false)
        case .cut(let name, let start, let count, let step):
            let object = try await self.object(name)
            for index in 0..<count { try await object.remove(start + index * step) }
        case .clear(let name): try await self.object(name).clear()
        case .change(let name, let difference):
            try #require(try await self.root.object(.string(name)) as? Length).change(by: difference)
        case .ask(let name, let min, let max, let excludesMin, let excludesMax):
            let answer = try await self.object(name).ask(min, max, excludesMin, excludesMax)
            self.said.append("\(name) \(answer)")
        case .dump(let name):
            if name == "length" {
                let length = try #require(try await self.root.object(.string(name)) as? Length)
                self.said.append("\(name): i\(length.value)")
            } else {
                let items = try await self.object(name).items()
                let texts = items.map { key, value in
                    SampleElements.text(key) + (value.map { "=" + SampleElements.text($0) } ?? "")
                }
                self.said.append("\(name): \(texts.joined(separator: ";"))")
            }
        case .commit: try await self.connection.commit()
        case .abort: await self.connection.abort()
        }
    }

    private func make(_ name: String) throws -> PersistentObject {
        switch name {
        case "mapping": PersistentMapping()
        case "length": Length()
        default: try #require(Self.family(name)).newObject(String(name.dropFirst(3)))
        }
    }

    private func object(_ name: String) async throws -> any SharedObject {
        let object = try #require(try await self.root.object(.string(name)))
        if let mapping = object as? PersistentMapping { return SharedMapping(mapping: mapping) }
        return try #require(Self.family(name)?.shared(object), "\(name) is \(object.classDescription)")
    }

    private static func family(_ name: String) -> (any BTreeFamily.Type)? {
        BTrees.families.first { $0.name == name.prefix(2) }
    }
}

/// What shared programs do with an object. Keys and values are given by their numbers.
protocol SharedObject {
    func set(_ key: Int, _ value: Int, isReplacing: Bool) async throws
    func remove(_ key: Int) async throws
    func clear() async throws
    func ask(_ min: Int, _ max: Int, _ excludesMin: Bool, _ excludesMax: Bool) async throws -> String
    func items() async throws -> [(PickleValue, PickleValue?)]
}

extension SharedObject {
    func ask(_ min: Int, _ max: Int, _ excludesMin: Bool, _ excludesMax: Bool) async throws -> String { "?" }
}

private struct SharedMapping: SharedObject {
    let mapping: PersistentMapping

    private func key(_ index: Int) -> PersistentValue { PersistentValue(SampleElements.key("OI", index)) }

    func set(_ key: Int, _ value: Int, isReplacing: Bool) {
        guard isReplacing || self.mapping[self.key(key)] == nil else { return }
        self.mapping[self.key(key)] = PersistentValue(SampleElements.value("OI", value))
    }

    func remove(_ key: Int) { self.mapping[self.key(key)] = nil }

    func clear() { self.mapping.removeAll() }

    func items() throws -> [(PickleValue, PickleValue?)] {
        try self.mapping.items.map { ($0.key, $0.value) }.sorted { try $0.0.compare(to: $1.0) < 0 }
            .map { ($0.0.pickle, $0.1.pickle) }
    }
}

/// A tree or a leaf; `Value` is `NoValue` for sets.
private struct SharedTree<Key: BTreeElement, Value: BTreeElement>: SharedObject {
    let family: String
    var node: BTreeNode<Key, Value>?
    var leaf: BTreeLeaf<Key, Value>?

    private func key(_ index: Int) throws -> Key {
        try #require(Key.btreeDatatype.read(SampleElements.key(self.family, index)))
    }

    func set(_ key: Int, _ value: Int, isReplacing: Bool) async throws {
        let key = try self.key(key)
        let value = try #require(Value.btreeDatatype.read(SampleElements.value(self.family, value)))
        if let node = self.node {
            _ = try await node.withNodes { try node.insert(key, value, isReplacing: isReplacing) }
        } else {
            _ = try self.leaf?.insert(key, value, isReplacing: isReplacing)
        }
    }

    func remove(_ key: Int) async throws {
        let key = try self.key(key)
        if let node = self.node {
            _ = try await node.withNodes { try node.remove(key) }
        } else {
            _ = try self.leaf?.remove(key)
        }
    }

    func clear() async throws {
        try await self.node?.withNodes { try self.node?.removeEverything() }
        try self.leaf?.removeAll()
    }

    func ask(_ min: Int, _ max: Int, _ excludesMin: Bool, _ excludesMax: Bool) async throws -> String {
        let node = try #require(self.node)
        let (min, max) = (try self.key(min), try self.key(max))
        let keys = node.keys(from: min, through: max, excludesMin: excludesMin, excludesMax: excludesMax)
        let least = try await node.minKey(min).map(self.text) ?? "-"
        let greatest = try await node.maxKey(max).map(self.text) ?? "-"
        return "from \(least) to \(greatest): \(try await keys.collected().map(self.text).joined(separator: ";"))"
    }

    private func text(_ key: Key) -> String { SampleElements.text(Key.btreeDatatype.write(key)) }

    func items() async throws -> [(PickleValue, PickleValue?)] {
        let items: [(Key, Value)]
        if let node = self.node {
            items = try await node.checked()
        } else {
            items = self.leaf.map { Array(zip($0.content.items.keys, $0.content.items.values)) } ?? []
        }
        let hasValues = Value.self != NoValue.self
        return items.map { key, value in
            // A bare `nil` would be Python's None.
            (
                Key.btreeDatatype.write(key),
                hasValues ? Value.btreeDatatype.write(value) : Optional<PickleValue>.none
            )
        }
    }
}

extension BTreeFamily {
    fileprivate static func newObject(_ kind: String) -> PersistentObject {
        switch kind {
        case "BTree": BTree<Self>()
        case "TreeSet": TreeSet<Self>()
        case "Bucket": Bucket<Self>()
        default: BucketSet<Self>()
        }
    }

    fileprivate static func shared(_ object: PersistentObject) -> (any SharedObject)? {
        switch object {
        case let tree as BTree<Self>: SharedTree<Key, Value>(family: self.name, node: tree)
        case let set as TreeSet<Self>: SharedTree<Key, NoValue>(family: self.name, node: set)
        case let bucket as Bucket<Self>: SharedTree<Key, Value>(family: self.name, leaf: bucket)
        case let set as BucketSet<Self>: SharedTree<Key, NoValue>(family: self.name, leaf: set)
        default: nil
        }
    }
}
