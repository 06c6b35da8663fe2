//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ZODBFormat

/// A set in the order of its keys that has as many records as it needs: `OOTreeSet`, `IITreeSet` and the others.
///
/// It is a `BTree` without values, and what is said there holds here.
public final class TreeSet<Family: BTreeFamily>: BTreeNode<Family.Key, NoValue> {
    /// What the set holds.
    public typealias Key = Family.Key

    override init(kind: BTreeKind<Key, NoValue>) { super.init(kind: kind) }

    /// A new set with nothing in it.
    public init() { super.init(kind: Family.sets) }

    /// Inserts a key. Returns whether it is new.
    ///
    /// Throws `StorageError.invalidArgument` for a key that has no order with those of the set, and what loading throws.
    @discardableResult
    public func insert(_ key: Key) async throws -> Bool {
        try await self.withNodes { try self.insert(key, NoValue(), isReplacing: false) }
    }

    /// Removes a key. Returns whether it was there.
    @discardableResult
    public func remove(_ key: Key) async throws -> Bool {
        try await self.withNodes { try self.remove(key) != nil }
    }

    /// Inserts many keys.
    public func formUnion(_ keys: some Sequence<Key>) async throws {
        for key in keys { try await self.insert(key) }
    }

    /// Removes many keys.
    public func subtract(_ keys: some Sequence<Key>) async throws {
        for key in keys { try await self.remove(key) }
    }

    /// Removes every key, without loading them.
    public func removeAll() async throws {
        try await self.withNodes { try self.removeEverything() }
    }
}
