//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ZODBFormat

/// A walk through the items of a tree, leaf by leaf.
///
/// So long as the tree does not change it follows the chain of leaves. After a change, or when a new transaction has
/// begun, it looks for the key behind the last one that it has shown: so it shows each key once at most, in order, and of
/// what is inserted meanwhile it shows what lies before it, except in the leaf where it is.
struct BTreeCursor<Key, Value> {
    let tree: BTreeNode<Key, Value>
    private var bounds: BTreeBounds<Key>
    /// The items of the present leaf, as they were when the walk came to it.
    private(set) var items = BTreeItems<Key, Value>()
    /// Where those are that are within the bounds; not empty after `nextChunk()` has returned `true`.
    private(set) var range = 0..<0
    private var leaf: BTreeLeaf<Key, Value>?
    private var position: Position?
    private var isStarted = false
    private var isAtEnd = false
    /// The leaves that were visited, where the order of keys is not known and circles cannot be told otherwise.
    private var visited: Set<ObjectID> = []

    /// What of the tree the present leaf was taken from.
    private struct Position: Equatable {
        var changes: UInt
        var generation: Int?
    }

    init(_ tree: BTreeNode<Key, Value>, _ bounds: BTreeBounds<Key>) {
        self.tree = tree
        self.bounds = bounds
    }

    private var current: Position {
        Position(changes: self.tree.changes, generation: self.tree.connection?.generation)
    }

    /// Goes on to the next leaf with items within the bounds; `false` when there is none.
    mutating func nextChunk() async throws -> Bool {
        if !self.isStarted { try await self.start() }
        while !self.isAtEnd {
            let tree = self.tree
            let isSame = self.leaf != nil && self.position == self.current
            if isSame, let leaf = self.leaf {
                let next = try await tree.withNodes { try tree.next(leaf) }
                // The way to it may have taken long.
                guard self.position == self.current else { continue }
                try self.take(next, behind: self.items.keys.last)
            } else {
                if let last = self.items.keys.last {
                    self.bounds.min = last
                    self.bounds.excludesMin = true
                }
                let min = self.bounds.min
                let leaf = try await tree.withNodes { try tree.firstLeaf(from: min) }
                self.position = self.current
                try self.take(leaf, behind: nil)
            }
            tree.connection?.forgetUnused()
            if !self.range.isEmpty { return true }
        }
        return false
    }

    /// Without bounds, exclusion is of the first and of the last key.
    private mutating func start() async throws {
        self.isStarted = true
        if self.bounds.excludesMin, self.bounds.min == nil {
            self.bounds.min = try await self.tree.minKey()
            if self.bounds.min == nil { self.isAtEnd = true }
        }
        if self.bounds.excludesMax, self.bounds.max == nil {
            self.bounds.max = try await self.tree.maxKey()
            if self.bounds.max == nil { self.isAtEnd = true }
        }
    }

    /// Makes a leaf the present one; no leaf stands for the tree's own items, or for the end.
    private mutating func take(_ leaf: BTreeLeaf<Key, Value>?, behind last: Key?) throws {
        let kind = self.tree.kind
        let isChain = last != nil
        self.leaf = leaf
        guard leaf != nil || !isChain else {
            (self.range, self.isAtEnd) = (0..<0, true)
            return
        }
        self.items = leaf?.content.items ?? self.tree.content.items
        if let last, let first = self.items.keys.first { try self.checkOrder(last, first, leaf) }
        if isChain, self.bounds.max == nil {
            // All of it: nothing needs to be compared, so that keys of any kind can be walked through.
            (self.range, self.isAtEnd) = (0..<self.items.count, false)
        } else {
            (self.range, self.isAtEnd) = try self.items.range(self.bounds, kind)
        }
        if leaf == nil { self.isAtEnd = true }
    }

    private mutating func checkOrder(_ last: Key, _ first: Key, _ leaf: BTreeLeaf<Key, Value>?) throws {
        if let order = try? self.tree.kind.keys.compare(last, first) {
            if order < 0 { return }
        } else if let oid = leaf?.oid, self.visited.insert(oid).inserted {
            return
        }
        throw self.tree.damage("its leaves are not in the order of their keys")
    }
}

extension BTreeNode {
    /// The first leaf with keys that are not less than a key, or the one before it; `nil` where the items are the tree's own.
    fileprivate func firstLeaf(from min: Key?) throws -> BTreeLeaf<Key, Value>? {
        guard !self.content.children.isEmpty else { return nil }
        if let min { return try self.path(to: min).leaf }
        return try self.content.first.map(self.leaf)
    }
}

extension Connection {
    /// Keeps a walk through many objects from filling the memory: forgets what nobody holds, now and then.
    fileprivate func forgetUnused() {
        if self.cache.count > self.cache.limit * 2 + 100 { self.cache.shrink() }
    }
}
