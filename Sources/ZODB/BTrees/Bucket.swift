//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ZODBFormat

/// A small mapping in the order of its keys, all in one record: `OOBucket` and the others. Also the leaf of a `BTree`;
/// one that belongs to a tree must be changed through the tree only.
public final class Bucket<Family: BTreeFamily>: BTreeLeaf<Family.Key, Family.Value> {
    /// What keys are.
    public typealias Key = Family.Key
    /// What values are.
    public typealias Value = Family.Value

    override init(kind: BTreeKind<Key, Value>) { super.init(kind: kind) }

    /// A new bucket with nothing in it.
    public init() { super.init(kind: Family.mappings) }

    /// The values, in the order of their keys.
    public var values: [Value] { self.content.items.values }

    /// The items, in the order of their keys.
    public var items: [(key: Key, value: Value)] {
        zip(self.content.items.keys, self.content.items.values).map { ($0, $1) }
    }

    /// The value of a key; `nil` when there is none. Throws for a key that has no order with those of the bucket.
    public func value(for key: Key) throws -> Value? {
        let (index, isFound) = try self.content.items.search(key, self.kind)
        return isFound ? self.content.items.values[index] : nil
    }

    /// Sets the value of a key. Of numbers, setting the same one again is no change. Returns whether the key is new.
    @discardableResult
    public func set(_ value: Value, for key: Key) throws -> Bool { try self.insert(key, value, isReplacing: true) }

    /// Removes a key. Returns its value; `nil` when there was none.
    @discardableResult
    public func removeValue(for key: Key) throws -> Value? { try self.remove(key) }
}

/// A small set in the order of its keys, all in one record: `OOSet` and the others. Also the leaf of a `TreeSet`; one that
/// belongs to a tree must be changed through the tree only.
public final class BucketSet<Family: BTreeFamily>: BTreeLeaf<Family.Key, NoValue> {
    /// What the set holds.
    public typealias Key = Family.Key

    override init(kind: BTreeKind<Key, NoValue>) { super.init(kind: kind) }

    /// A new set with nothing in it.
    public init() { super.init(kind: Family.sets) }

    /// Inserts a key. Returns whether it is new. Throws for a key that has no order with those of the set.
    @discardableResult
    public func insert(_ key: Key) throws -> Bool { try self.insert(key, NoValue(), isReplacing: false) }

    /// Removes a key. Returns whether it was there.
    @discardableResult
    public func removeKey(_ key: Key) throws -> Bool { try self.remove(key) != nil }
}

extension BTreeLeaf {
    /// The keys, in their order.
    public final var keys: [Key] { self.content.items.keys }

    /// The number of keys.
    public final var count: Int { self.content.items.count }

    /// Whether there is no key.
    public final var isEmpty: Bool { self.content.items.isEmpty }

    /// Whether there is a key. Throws for a key that has no order with those that are there.
    public final func contains(_ key: Key) throws -> Bool { try self.content.items.search(key, self.kind).isFound }

    /// Removes everything.
    public final func removeAll() throws {
        guard !self.isEmpty else { return }
        try self.checkChangeable()
        self.willChange()
        self.content.items = BTreeItems()
    }

    final func insert(_ key: Key, _ value: Value, isReplacing: Bool) throws -> Bool {
        try self.kind.keys.checkKey?(key)
        let (index, isFound) = try self.content.items.search(key, self.kind)
        if isFound, !isReplacing || !self.content.items.isChange(value, at: index, self.kind) { return false }
        try self.checkChangeable()
        self.willChange()
        if isFound {
            self.content.items.set(value, at: index)
        } else {
            self.content.items.insert(key, value, at: index)
        }
        return !isFound
    }

    final func remove(_ key: Key) throws -> Value? {
        let (index, isFound) = try self.content.items.search(key, self.kind)
        guard isFound else { return nil }
        try self.checkChangeable()
        self.willChange()
        return self.content.items.remove(at: index)
    }
}
