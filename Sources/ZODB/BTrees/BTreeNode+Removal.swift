//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

extension BTreeNode {
    /// What removing the last item of a leaf does to the rest of the tree.
    private struct Unlinking {
        /// The level of the node that loses a child and keeps others; all nodes below it go.
        var level: Int
        /// The leaf before, which has to point to the one behind.
        var previous: BTreeLeaf<Key, Value>?
    }

    /// Removes the item of a key. Returns its value; `nil` when there is none.
    final func remove(_ key: Key) throws -> Value? {
        guard !self.content.children.isEmpty else { return try self.removeHere(key) }
        let path = try self.path(to: key)
        let (index, isFound) = try path.leaf.content.items.search(key, self.kind)
        guard isFound else { return nil }
        let isLast = path.leaf.content.items.count == 1
        let unlinking = isLast ? try self.unlinking(path) : nil
        let separators = try self.separators(equal: key, path, unlinking)
        // A separator that was a key becomes the least key that is left to its right.
        var least: Key?
        if !separators.isEmpty {
            least = isLast ? try self.next(path.leaf)?.content.items.keys[0] : nil
            if !isLast { least = path.leaf.content.items.keys[index == 0 ? 1 : 0] }
            guard least != nil else { throw self.damage("a leaf has none behind it, and its node has more") }
        }

        try self.willChange(along: path)
        path.leaf.willChange()
        let value = path.leaf.content.items.remove(at: index)
        for (node, index) in separators {
            guard let least else { break }
            node.willChange()
            node.content.separators[index] = least
        }
        if let unlinking { self.unlink(path, unlinking) }
        return value
    }

    /// Removes every item. What was below the tree is garbage from now on.
    final func removeEverything() throws {
        guard !self.isEmpty else { return }
        try self.willChange(along: nil)
        self.willChange()
        self.content.first = nil
        self.content = Content()
    }

    private func removeHere(_ key: Key) throws -> Value? {
        let (index, isFound) = try self.content.items.search(key, self.kind)
        guard isFound else { return nil }
        try self.willChange(along: nil)
        self.willChange()
        return self.content.items.remove(at: index)
    }

    private func unlinking(_ path: BTreePath<Key, Value>) throws -> Unlinking {
        let level = path.steps.lastIndex { $0.node.content.children.count > 1 } ?? 0
        if path.leaf.content.next == nil, path.steps[level].index < path.steps[level].node.content.children.count - 1 {
            throw self.damage("a leaf has none behind it, and its node has more")
        }
        return Unlinking(level: level, previous: try self.leaf(before: path))
    }

    /// The separators on the way that equal the key and stay.
    private func separators(
        equal key: Key,
        _ path: BTreePath<Key, Value>,
        _ unlinking: Unlinking?
    ) throws -> [(node: BTreeNode, index: Int)] {
        var separators: [(node: BTreeNode, index: Int)] = []
        for (node, index) in path.steps.prefix(unlinking?.level ?? path.steps.count) where index > 0 {
            if try self.kind.keys.compare(node.content.separators[index - 1], key) == 0 {
                separators.append((node, index - 1))
            }
        }
        return separators
    }

    /// Takes an empty leaf out of the chain, and it and what is left empty above it out of the nodes.
    private func unlink(_ path: BTreePath<Key, Value>, _ unlinking: Unlinking) {
        let next = path.leaf.content.next
        if let previous = unlinking.previous {
            previous.willChange()
            previous.content.next = next
        }
        for (level, (node, index)) in path.steps.enumerated().reversed() {
            if level >= unlinking.level {
                node.willChange()
                node.content.children.remove(at: index)
                if index > 0 {
                    node.content.separators.remove(at: index - 1)
                } else if !node.content.separators.isEmpty {
                    node.content.separators.removeFirst()
                }
            }
            // The leaf was the first one of this node.
            guard index == 0 else { break }
            node.willChange()
            node.content.first = node.content.children.isEmpty ? nil : next
        }
        self.takeInOnlyLeaf()
    }

    /// A new leaf that is alone has no need of a record of its own.
    private func takeInOnlyLeaf() {
        guard self.content.children.count == 1, case .object(let child) = self.content.children[0].target,
            child.oid == nil, let leaf = child as? BTreeLeaf<Key, Value>
        else { return }
        self.content.first = nil
        self.content.children = []
        self.content.items = leaf.content.items
    }
}
