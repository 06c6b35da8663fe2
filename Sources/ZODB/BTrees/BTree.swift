//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ZODBFormat

/// A mapping in the order of its keys that has as many records as it needs: `OOBTree`, `IOBTree` and the others.
///
/// Only what an operation needs is loaded: to look a key up, one record for each level of the tree. Two transactions that
/// change different keys mostly do not conflict: where they change one leaf, their changes are merged.
///
///     let members = OOBTree()
///     root["members"] = .object(members)
///     try await members.set("Rafa", for: 17)
///     for try await (number, name) in members.items(from: 10, through: 20) { … }
public final class BTree<Family: BTreeFamily>: BTreeNode<Family.Key, Family.Value> {
    /// What keys are.
    public typealias Key = Family.Key
    /// What values are.
    public typealias Value = Family.Value

    override init(kind: BTreeKind<Key, Value>) { super.init(kind: kind) }

    /// A new tree with nothing in it.
    public init() { super.init(kind: Family.mappings) }

    /// The value of a key; `nil` when there is none.
    ///
    /// Throws `StorageError.invalidArgument` for a key that has no order with those of the tree, and what loading throws.
    public subscript(key: Key) -> Value? {
        get async throws { try await self.withNodes { try self.find(key) } }
    }

    /// Sets the value of a key. Of numbers, setting the same one again is no change.
    ///
    /// - Returns: Whether the key is new.
    /// - Throws: `StorageError.invalidArgument` for a key that has no order with those of the tree, and what loading throws.
    @discardableResult
    public func set(_ value: Value, for key: Key) async throws -> Bool {
        try await self.withNodes { try self.insert(key, value, isReplacing: true) }
    }

    /// Sets the value of a key that is not there, and does nothing otherwise. Returns whether the key is new.
    @discardableResult
    public func insert(_ value: Value, for key: Key) async throws -> Bool {
        try await self.withNodes { try self.insert(key, value, isReplacing: false) }
    }

    /// Removes a key. Returns its value; `nil` when there was none.
    @discardableResult
    public func removeValue(for key: Key) async throws -> Value? {
        try await self.withNodes { try self.remove(key) }
    }

    /// Sets the values of many keys.
    public func update(_ items: some Sequence<(Key, Value)>) async throws {
        for (key, value) in items { try await self.set(value, for: key) }
    }

    /// Removes every item, without loading them.
    public func removeAll() async throws {
        try await self.withNodes { try self.removeEverything() }
    }

    /// The values of the keys within bounds, in the order of the keys. The parameters are those of `keys`.
    public func values(
        from min: Key? = nil,
        through max: Key? = nil,
        excludesMin: Bool = false,
        excludesMax: Bool = false
    ) -> BTreeSequence<Key, Value, Value> {
        let bounds = BTreeBounds(min: min, max: max, excludesMin: excludesMin, excludesMax: excludesMax)
        return BTreeSequence(self, bounds) { _, value in value }
    }

    /// The keys within bounds and their values, in the order of the keys. The parameters are those of `keys`.
    public func items(
        from min: Key? = nil,
        through max: Key? = nil,
        excludesMin: Bool = false,
        excludesMax: Bool = false
    ) -> BTreeSequence<Key, Value, (key: Key, value: Value)> {
        let bounds = BTreeBounds(min: min, max: max, excludesMin: excludesMin, excludesMax: excludesMax)
        return BTreeSequence(self, bounds) { ($0, $1) }
    }
}
