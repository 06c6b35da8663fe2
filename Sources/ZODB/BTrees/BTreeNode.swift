//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import ZODBFormat

/// What `BTree` and `TreeSet` are: the root of a tree, or an inner node of one.
///
/// What holds for every tree, between operations:
///
/// - A tree without items has no children, and its state is `None`.
/// - A tree with few items has them itself: its state is `((items,),),)`, the state of a leaf that has no record of its
///   own. Only a root may be like that.
/// - Any other node has children, all leaves or all nodes. Between each two children there is a separator: no key of
///   the left one is as great, no key of the right one is less. A separator need not be a key any more.
///   The state is `((child, separator, child, …), first)`, where `first` is the leftmost leaf below the node.
/// - The leaves of a tree are chained by `next`, in the order of their keys, through all nodes. None of them is empty.
/// - A leaf that loses its last item is unlinked, a node that loses its last child too; both are stored once more,
///   empty, so that whoever else changes them conflicts.
///
/// An operation first loads what it needs and then works without waiting: it is done at once and whole, whatever others
/// in the same isolation do while it waits. A change demands that the nodes above the leaf be current when it commits.
public class BTreeNode<Key, Value>: PersistentObject {
    struct Content {
        /// The items of a tree that has no children.
        var items = BTreeItems<Key, Value>()
        /// The children, leaves or nodes.
        var children: [PersistentReference] = []
        /// What is between the children: one less than there are children.
        var separators: [Key] = []
        /// The leftmost leaf.
        var first: PersistentReference?
    }

    final let kind: BTreeKind<Key, Value>
    final var content = Content()
    /// Rises with every change of the tree through this object, so that a walk notices it.
    final var changes: UInt = 0
    private var committed: Content?

    init(kind: BTreeKind<Key, Value>) {
        self.kind = kind
        super.init()
    }

    deinit {
        // New leaves hold each other in a row; so long as their parents hold them, too, they go one after the other.
        self.committed?.first = nil
        self.content.first = nil
    }

    /// The class that Python makes the tree of.
    public final override var classDescription: PickleValue { .global(self.kind.nodeClass) }

    /// What Python sets the tree's state to. Objects that it refers to must have identifiers.
    public final override var state: PickleValue {
        guard let first = self.content.first else {
            let items = self.content.items
            return items.isEmpty ? .none : .tuple([.tuple([.tuple([items.pickled(self.kind)])])])
        }
        var elements: [PickleValue] = []
        for (index, child) in self.content.children.enumerated() {
            if index > 0 { elements.append(self.kind.keys.write(self.content.separators[index - 1])) }
            elements.append(.persistentID(child.persistentID))
        }
        return .tuple([.tuple(elements), .persistentID(first.persistentID)])
    }

    override final func adoption(of state: PickleValue) throws(FormatError) -> () -> Void {
        let content = try self.content(of: state)
        return {
            self.content = content
            self.changes &+= 1
        }
    }

    private func content(of state: PickleValue) throws(FormatError) -> Content {
        var content = Content()
        if case .none = state { return content }
        guard case .tuple(let parts) = state, case .tuple(let elements)? = parts.first, !elements.isEmpty else {
            throw FormatError(self.kind.nodeClass.name, "the state is neither None nor a tuple of tuples")
        }
        if parts.count == 1, elements.count == 1, case .tuple(let leaf) = elements[0], leaf.count == 1 {
            content.items = try BTreeItems(leaf[0], self.kind)
            return content
        }
        guard parts.count == 2, !elements.count.isMultiple(of: 2), case .persistentID(let first) = parts[1] else {
            throw FormatError(self.kind.nodeClass.name, "the state has neither one leaf in it nor children")
        }
        content.first = PersistentReference(persistentID: first)
        for (index, element) in elements.enumerated() {
            if index.isMultiple(of: 2) {
                guard case .persistentID(let child) = element else {
                    throw FormatError(self.kind.nodeClass.name, "a child is no persistent object")
                }
                content.children.append(PersistentReference(persistentID: child))
            } else {
                guard let separator = self.kind.keys.read(element) else {
                    throw self.kind.unfit("what separates two children", self.kind.keys.letter)
                }
                content.separators.append(separator)
            }
        }
        return content
    }

    override final func forEachReference(_ body: (PersistentReference) -> Void) {
        self.content.items.forEachReference(self.kind, body)
        if let visit = self.kind.keys.forEachReference {
            for separator in self.content.separators { visit(separator, body) }
        }
        for child in self.content.children { body(child) }
        if let first = self.content.first { body(first) }
    }

    override final func keepCommitted() {
        self.committed = self.content
    }

    override final func forgetCommitted(restoring: Bool) {
        if restoring, let committed {
            self.content = committed
            self.changes &+= 1
        }
        self.committed = nil
    }
}
