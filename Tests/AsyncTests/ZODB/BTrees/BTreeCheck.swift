//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import ZODB

extension BTreeNode {
    /// Expects that the tree keeps the rules that are written at the head of `BTreeNode`, and returns its items.
    func checked() async throws -> [(Key, Value)] {
        var leaves: [BTreeLeaf<Key, Value>] = []
        guard !self.content.children.isEmpty else {
            #expect(self.content.first == nil && self.content.separators.isEmpty)
            return Array(zip(self.content.items.keys, self.content.items.values))
        }
        #expect(self.content.children.count < self.kind.maximumNodeSize * 2)
        try await self.check(from: nil, to: nil, root: self, &leaves)
        for (index, leaf) in leaves.enumerated() {
            let next = try await self.withNodes { try self.next(leaf) }
            #expect(next === (index + 1 < leaves.count ? leaves[index + 1] : nil))
        }
        return leaves.flatMap { zip($0.content.items.keys, $0.content.items.values) }
    }

    private func check(
        from low: Key?,
        to high: Key?,
        root: BTreeNode,
        _ leaves: inout [BTreeLeaf<Key, Value>]
    ) async throws {
        #expect(self.content.items.isEmpty)
        #expect(self.content.separators.count == self.content.children.count - 1)
        if self !== root { #expect(self.content.children.count <= self.kind.maximumNodeSize) }
        let firstIndex = leaves.count
        for (index, child) in self.content.children.enumerated() {
            let low = index > 0 ? self.content.separators[index - 1] : low
            let high = index < self.content.separators.count ? self.content.separators[index] : high
            if let node = try await root.withNodes({ try root.node(child) }) {
                try await node.check(from: low, to: high, root: root, &leaves)
                continue
            }
            let leaf = try await root.withNodes { try root.leaf(child) }
            leaves.append(leaf)
            let keys = leaf.content.items.keys
            #expect(!keys.isEmpty && keys.count <= self.kind.maximumLeafSize)
            for (one, other) in zip(keys, keys.dropFirst()) { #expect(try self.kind.keys.compare(one, other) < 0) }
            if let low, let first = keys.first { #expect(try self.kind.keys.compare(low, first) <= 0) }
            if let high, let last = keys.last { #expect(try self.kind.keys.compare(last, high) < 0) }
        }
        let first = try #require(self.content.first)
        #expect(try await root.withNodes { try root.leaf(first) } === leaves[firstIndex])
    }
}
