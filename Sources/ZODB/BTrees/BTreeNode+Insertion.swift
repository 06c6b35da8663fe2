//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

extension BTreeNode {
    /// Inserts an item, or sets the value of a key that is there already where `isReplacing` says so. Returns whether the
    /// key is new.
    final func insert(_ key: Key, _ value: Value, isReplacing: Bool) throws -> Bool {
        try self.kind.keys.checkKey?(key)
        guard !self.content.children.isEmpty else {
            return try self.insertHere(key, value, isReplacing: isReplacing)
        }
        let path = try self.path(to: key)
        let (index, isFound) = try path.leaf.content.items.search(key, self.kind)
        if isFound {
            guard isReplacing, path.leaf.content.items.isChange(value, at: index, self.kind) else { return false }
            try self.willChange(along: path)
            path.leaf.willChange()
            path.leaf.content.items.set(value, at: index)
            return false
        }
        let firsts = try self.firstLeavesOfNewNodes(path)
        try self.willChange(along: path)
        path.leaf.willChange()
        path.leaf.content.items.insert(key, value, at: index)
        self.splitWhatIsTooLarge(path, firsts)
        return true
    }

    /// Inserts an item into a tree that has no children.
    private func insertHere(_ key: Key, _ value: Value, isReplacing: Bool) throws -> Bool {
        let (index, isFound) = try self.content.items.search(key, self.kind)
        if isFound {
            guard isReplacing, self.content.items.isChange(value, at: index, self.kind) else { return false }
            try self.willChange(along: nil)
            self.willChange()
            self.content.items.set(value, at: index)
            return false
        }
        try self.willChange(along: nil)
        self.willChange()
        self.content.items.insert(key, value, at: index)
        guard self.content.items.count > self.kind.maximumLeafSize else { return true }
        let leaf = self.kind.makeLeaf(self.content.items, next: nil)
        let reference = PersistentReference(to: leaf)
        self.content.items = BTreeItems()
        self.content.children = [reference]
        self.content.first = reference
        self.insertSibling(of: leaf, at: 0)
        return true
    }

    /// For each step of a path whose node may have to be split, the first leaf below the half that goes into a new node;
    /// `nil` where it will be the first leaf of the child that is new itself. Loads what has to be known for it.
    private func firstLeavesOfNewNodes(_ path: BTreePath<Key, Value>) throws -> [Int: PersistentReference] {
        var firsts: [Int: PersistentReference] = [:]
        guard path.leaf.content.items.count >= self.kind.maximumLeafSize else { return firsts }
        for (level, step) in path.steps.enumerated().reversed() {
            let children = step.node.content.children
            guard children.count >= (level == 0 ? self.kind.maximumNodeSize * 2 - 1 : self.kind.maximumNodeSize) else {
                break
            }
            let middle = (children.count + 1) / 2
            // With the new child, which comes behind the one on the path.
            guard middle != step.index + 1 else { continue }
            let child = children[middle > step.index ? middle - 1 : middle]
            let isLowest = level == path.steps.count - 1
            firsts[level] = isLowest ? child : try self.node(child)?.content.first
        }
        return firsts
    }

    /// Splits the leaf of a path, and the nodes above it, where they have become too large.
    private func splitWhatIsTooLarge(_ path: BTreePath<Key, Value>, _ firsts: [Int: PersistentReference]) {
        guard path.leaf.content.items.count > self.kind.maximumLeafSize, let last = path.steps.last else { return }
        var firstOfNew = last.node.insertSibling(of: path.leaf, at: last.index)
        for (level, step) in path.steps.enumerated().reversed() {
            let first = firsts[level] ?? firstOfNew
            if level == 0 {
                if step.node.content.children.count >= self.kind.maximumNodeSize * 2 { step.node.splitRoot(first) }
            } else {
                guard step.node.content.children.count > self.kind.maximumNodeSize else { return }
                let above = path.steps[level - 1]
                above.node.insertSibling(of: step.node, at: above.index, first: first)
                firstOfNew = first
            }
        }
    }

    /// Moves the upper half of a leaf into a new one behind it. Returns the new one.
    @discardableResult
    private func insertSibling(of leaf: BTreeLeaf<Key, Value>, at index: Int) -> PersistentReference {
        self.willChange()
        let sibling = self.kind.makeLeaf(leaf.content.items.splitOff(), next: leaf.content.next)
        let reference = PersistentReference(to: sibling)
        leaf.content.next = reference
        self.content.children.insert(reference, at: index + 1)
        self.content.separators.insert(sibling.content.items.keys[0], at: index)
        return reference
    }

    /// Moves the upper half of a child into a new node behind it.
    private func insertSibling(of child: BTreeNode, at index: Int, first: PersistentReference) {
        self.willChange()
        child.willChange()
        let middle = child.content.children.count / 2
        let sibling = self.kind.makeNode()
        sibling.content.children = Array(child.content.children[middle...])
        sibling.content.separators = Array(child.content.separators[middle...])
        sibling.content.first = first
        let separator = child.content.separators[middle - 1]
        child.content.children.removeSubrange(middle...)
        child.content.separators.removeSubrange((middle - 1)...)
        self.content.children.insert(PersistentReference(to: sibling), at: index + 1)
        self.content.separators.insert(separator, at: index)
    }

    /// Moves everything in the root into a new node, and splits that. The root stays the object that it is.
    private func splitRoot(_ first: PersistentReference) {
        self.willChange()
        let child = self.kind.makeNode()
        child.content = self.content
        self.content.children = [PersistentReference(to: child)]
        self.content.separators = []
        self.insertSibling(of: child, at: 0, first: first)
    }
}
