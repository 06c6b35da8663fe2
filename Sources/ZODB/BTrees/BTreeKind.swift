//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ZODBFormat

/// What the trees of one family and their leaves have in common, be they mappings or sets.
final class BTreeKind<Key, Value>: Sendable {
    let keys: BTreeDatatype<Key>
    let values: BTreeDatatype<Value>
    /// Whether keys have values: whether these are mappings and no sets.
    let hasValues: Bool

    /// How many items a leaf of a tree may have before it is split. The numbers are those of the BTrees package.
    let maximumLeafSize: Int
    /// How many children an inner node may have before it is split; the root may have nearly twice as many.
    let maximumNodeSize: Int

    /// The Python class of trees.
    let nodeClass: PickleGlobal
    /// The Python class of leaves.
    let leafClass: PickleGlobal

    private let newNode: @Sendable (BTreeKind) -> BTreeNode<Key, Value>
    private let newLeaf: @Sendable (BTreeKind) -> BTreeLeaf<Key, Value>

    init<Family: BTreeFamily>(
        _ family: Family.Type,
        values: BTreeDatatype<Value>,
        hasValues: Bool,
        makeNode: @escaping @Sendable (BTreeKind) -> BTreeNode<Key, Value>,
        makeLeaf: @escaping @Sendable (BTreeKind) -> BTreeLeaf<Key, Value>
    ) where Family.Key == Key {
        self.keys = Key.btreeDatatype
        self.values = values
        self.hasValues = hasValues
        self.maximumLeafSize = self.keys.maximumLeafSize / (Family.Value.btreeDatatype.isObject ? 2 : 1)
        self.maximumNodeSize = self.keys.maximumNodeSize
        let name = family.name
        self.nodeClass = PickleGlobal("BTrees.\(name)BTree", name + (hasValues ? "BTree" : "TreeSet"))
        self.leafClass = PickleGlobal("BTrees.\(name)BTree", name + (hasValues ? "Bucket" : "Set"))
        self.newNode = makeNode
        self.newLeaf = makeLeaf
    }

    /// A new tree or inner node with nothing in it.
    func makeNode() -> BTreeNode<Key, Value> { self.newNode(self) }

    /// A new leaf.
    func makeLeaf(_ items: BTreeItems<Key, Value>, next: PersistentReference?) -> BTreeLeaf<Key, Value> {
        let leaf = self.newLeaf(self)
        leaf.content.items = items
        leaf.content.next = next
        return leaf
    }

    /// What makes trees and leaves from records.
    var makers: [PickleGlobal: PersistentTypes.Maker] {
        [
            self.nodeClass: { _, state in
                let node = self.makeNode()
                try node.adoption(of: state)()
                return node
            },
            self.leafClass: { _, state in
                let leaf = self.newLeaf(self)
                try leaf.adoption(of: state)()
                return leaf
            },
        ]
    }

    /// The error of a state with a key or value that is none of the family's.
    func unfit(_ what: String, _ letter: String) -> FormatError {
        FormatError("\(self.nodeClass.name)", "\(what) is not of the type that is called \(letter)")
    }
}
