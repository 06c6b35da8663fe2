//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import ZODBFormat

/// A leaf of a BTree, or the same thing by itself: some items in one record. `Bucket` has values, `BucketSet` has none.
///
/// Its state is `(items,)`, or `(items, next)` where another leaf follows it in a tree.
public class BTreeLeaf<Key, Value>: PersistentObject {
    struct Content {
        var items = BTreeItems<Key, Value>()
        /// The leaf with the next greater keys in the same tree.
        var next: PersistentReference?
    }

    final let kind: BTreeKind<Key, Value>
    final var content = Content()
    private var committed: Content?

    init(kind: BTreeKind<Key, Value>) {
        self.kind = kind
        super.init()
    }

    deinit {
        // New leaves hold each other in a row, which may be long: not one within the deinitializer of the other.
        self.committed = nil
        var next = self.content.next.take()
        while isKnownUniquelyReferenced(&next) {
            var leaf = Self.newLeaf(next)
            next = nil
            guard isKnownUniquelyReferenced(&leaf) else { return }
            next = leaf?.content.next.take()
        }
    }

    private static func newLeaf(_ reference: PersistentReference?) -> BTreeLeaf? {
        guard case .object(let object)? = reference?.target else { return nil }
        return object as? BTreeLeaf
    }

    /// The class that Python makes the object of.
    public final override var classDescription: PickleValue { .global(self.kind.leafClass) }

    /// What Python sets the object's state to. Objects that it refers to must have identifiers.
    public final override var state: PickleValue {
        let items = self.content.items.pickled(self.kind)
        return .tuple(self.content.next.map { [items, .persistentID($0.persistentID)] } ?? [items])
    }

    override final func adoption(of state: PickleValue) throws(FormatError) -> () -> Void {
        var content = Content()
        guard case .tuple(let parts) = state, parts.count == 1 || parts.count == 2 else {
            throw FormatError(self.kind.leafClass.name, "the state is no tuple of one or two elements")
        }
        content.items = try BTreeItems(parts[0], self.kind)
        if parts.count == 2 {
            guard case .persistentID(let id) = parts[1] else {
                throw FormatError(self.kind.leafClass.name, "what follows is not another object")
            }
            content.next = PersistentReference(persistentID: id)
        }
        return { self.content = content }
    }

    override final func forEachReference(_ body: (PersistentReference) -> Void) {
        self.content.items.forEachReference(self.kind, body)
        if let next = self.content.next { body(next) }
    }

    override final func keepCommitted() {
        self.committed = self.content
    }

    override final func forgetCommitted(restoring: Bool) {
        if restoring, let committed { self.content = committed }
        self.committed = nil
    }
}
