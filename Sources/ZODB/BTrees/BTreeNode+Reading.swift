//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

extension BTreeNode {
    /// Whether there is no item. Needs nothing to be loaded.
    public final var isEmpty: Bool { self.content.items.isEmpty && self.content.children.isEmpty }

    /// Whether there is a key. Loads the way to it at most.
    ///
    /// Throws `StorageError.invalidArgument` for a key that has no order with those of the tree, and what loading throws.
    public final func contains(_ key: Key) async throws -> Bool {
        try await self.withNodes { try self.find(key) != nil }
    }

    /// The number of items. Loads every leaf: keep a `Length` beside a tree whose size is asked for often.
    public final func count() async throws -> Int {
        var cursor = BTreeCursor(self, BTreeBounds())
        var count = 0
        while try await cursor.nextChunk() { count += cursor.range.count }
        return count
    }

    /// The least key, or the least one that is not less than `bound`; `nil` when there is none.
    public final func minKey(_ bound: Key? = nil) async throws -> Key? {
        var cursor = BTreeCursor(self, BTreeBounds(min: bound))
        return try await cursor.nextChunk() ? cursor.items.keys[cursor.range.lowerBound] : nil
    }

    /// The greatest key, or the greatest one that is not greater than `bound`; `nil` when there is none.
    public final func maxKey(_ bound: Key? = nil) async throws -> Key? {
        try await self.withNodes { try self.greatestKey(bound) }
    }

    /// The value of a key.
    final func find(_ key: Key) throws -> Value? {
        let items = self.content.children.isEmpty ? self.content.items : try self.path(to: key).leaf.content.items
        let (index, isFound) = try items.search(key, self.kind)
        return isFound ? items.values[index] : nil
    }

    private func greatestKey(_ bound: Key?) throws -> Key? {
        guard !self.content.children.isEmpty else { return try self.greatestKey(bound, in: self.content.items) }
        guard let bound else { return try self.pathToLast().leaf.content.items.keys.last }
        let path = try self.path(to: bound)
        if let key = try self.greatestKey(bound, in: path.leaf.content.items) { return key }
        // All keys of the leaf are greater; separators need not be keys. The leaf before it has the key, if any has.
        return try self.leaf(before: path)?.content.items.keys.last
    }

    private func greatestKey(_ bound: Key?, in items: BTreeItems<Key, Value>) throws -> Key? {
        guard let bound else { return items.keys.last }
        let (index, isFound) = try items.search(bound, self.kind)
        if isFound { return items.keys[index] }
        return index > 0 ? items.keys[index - 1] : nil
    }

    /// The leaf before the one that a path leads to; `nil` for the first one.
    final func leaf(before path: BTreePath<Key, Value>) throws -> BTreeLeaf<Key, Value>? {
        guard let (node, index) = path.steps.last(where: { $0.index > 0 }) else { return nil }
        let left = node.content.children[index - 1]
        return try self.node(left)?.pathToLast().leaf ?? self.leaf(left)
    }
}
