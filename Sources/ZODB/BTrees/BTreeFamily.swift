//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ZODBFormat

/// A family of BTrees: what its keys and its values are. The families are those of Python's BTrees package.
///
/// A family has four kinds of objects. `BTree` maps keys to values and `TreeSet` holds keys, both in as many records as
/// they need. `Bucket` and `BucketSet` do the same in one record, which suits a few hundred items at most. Each kind of
/// each family has the name that it has in Python: `OOBTree`, `OOTreeSet`, `OOBucket`, `OOSet`.
public protocol BTreeFamily: Sendable {
    /// What keys are.
    associatedtype Key: BTreeElement
    /// What values are.
    associatedtype Value: BTreeElement
}

/// What can be a key or a value of a BTree.
///
/// The types that conform are those that Python's families have. Others make no family.
public protocol BTreeElement: SendableMetatype {
    /// How BTrees treat elements of this type.
    static var btreeDatatype: BTreeDatatype<Self> { get }
}

/// What stands in place of a value where a BTree has none: in its sets.
public struct NoValue: BTreeElement, Hashable, Sendable {
    /// Nothing to read, write or compare.
    public static let btreeDatatype = BTreeDatatype<NoValue>(
        letter: "",
        read: { _ in NoValue() },
        write: { _ in .none },
        compare: { _, _ in 0 }
    )
}

extension BTreeFamily {
    /// The two letters of the name.
    static var name: String { Key.btreeDatatype.letter + Value.btreeDatatype.letter }

    /// The kind of `BTree` and `Bucket`.
    static var mappings: BTreeKind<Key, Value> {
        BTreeKind(
            self,
            values: Value.btreeDatatype,
            hasValues: true,
            makeNode: { BTree<Self>(kind: $0) },
            makeLeaf: { Bucket<Self>(kind: $0) }
        )
    }

    /// The kind of `TreeSet` and `BucketSet`.
    static var sets: BTreeKind<Key, NoValue> {
        BTreeKind(
            self,
            values: NoValue.btreeDatatype,
            hasValues: false,
            makeNode: { TreeSet<Self>(kind: $0) },
            makeLeaf: { BucketSet<Self>(kind: $0) }
        )
    }

    /// What makes objects of the family from records.
    static var makers: [PickleGlobal: PersistentTypes.Maker] {
        self.mappings.makers.merging(self.sets.makers) { one, _ in one }
    }
}
