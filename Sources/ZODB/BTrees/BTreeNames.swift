//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

// Table: the names that the kinds of objects of the families have in Python.

/// A `BTree` of the family `OO`.
public typealias OOBTree = BTree<BTrees.OO>
/// A `TreeSet` of the family `OO`.
public typealias OOTreeSet = TreeSet<BTrees.OO>
/// A `Bucket` of the family `OO`.
public typealias OOBucket = Bucket<BTrees.OO>
/// A `BucketSet` of the family `OO`.
public typealias OOSet = BucketSet<BTrees.OO>

/// A `BTree` of the family `OI`.
public typealias OIBTree = BTree<BTrees.OI>
/// A `TreeSet` of the family `OI`.
public typealias OITreeSet = TreeSet<BTrees.OI>
/// A `Bucket` of the family `OI`.
public typealias OIBucket = Bucket<BTrees.OI>
/// A `BucketSet` of the family `OI`.
public typealias OISet = BucketSet<BTrees.OI>

/// A `BTree` of the family `OL`.
public typealias OLBTree = BTree<BTrees.OL>
/// A `TreeSet` of the family `OL`.
public typealias OLTreeSet = TreeSet<BTrees.OL>
/// A `Bucket` of the family `OL`.
public typealias OLBucket = Bucket<BTrees.OL>
/// A `BucketSet` of the family `OL`.
public typealias OLSet = BucketSet<BTrees.OL>

/// A `BTree` of the family `OU`.
public typealias OUBTree = BTree<BTrees.OU>
/// A `TreeSet` of the family `OU`.
public typealias OUTreeSet = TreeSet<BTrees.OU>
/// A `Bucket` of the family `OU`.
public typealias OUBucket = Bucket<BTrees.OU>
/// A `BucketSet` of the family `OU`.
public typealias OUSet = BucketSet<BTrees.OU>

/// A `BTree` of the family `OQ`.
public typealias OQBTree = BTree<BTrees.OQ>
/// A `TreeSet` of the family `OQ`.
public typealias OQTreeSet = TreeSet<BTrees.OQ>
/// A `Bucket` of the family `OQ`.
public typealias OQBucket = Bucket<BTrees.OQ>
/// A `BucketSet` of the family `OQ`.
public typealias OQSet = BucketSet<BTrees.OQ>

/// A `BTree` of the family `IO`.
public typealias IOBTree = BTree<BTrees.IO>
/// A `TreeSet` of the family `IO`.
public typealias IOTreeSet = TreeSet<BTrees.IO>
/// A `Bucket` of the family `IO`.
public typealias IOBucket = Bucket<BTrees.IO>
/// A `BucketSet` of the family `IO`.
public typealias IOSet = BucketSet<BTrees.IO>

/// A `BTree` of the family `II`.
public typealias IIBTree = BTree<BTrees.II>
/// A `TreeSet` of the family `II`.
public typealias IITreeSet = TreeSet<BTrees.II>
/// A `Bucket` of the family `II`.
public typealias IIBucket = Bucket<BTrees.II>
/// A `BucketSet` of the family `II`.
public typealias IISet = BucketSet<BTrees.II>

/// A `BTree` of the family `IF`.
public typealias IFBTree = BTree<BTrees.IF>
/// A `TreeSet` of the family `IF`.
public typealias IFTreeSet = TreeSet<BTrees.IF>
/// A `Bucket` of the family `IF`.
public typealias IFBucket = Bucket<BTrees.IF>
/// A `BucketSet` of the family `IF`.
public typealias IFSet = BucketSet<BTrees.IF>

/// A `BTree` of the family `IU`.
public typealias IUBTree = BTree<BTrees.IU>
/// A `TreeSet` of the family `IU`.
public typealias IUTreeSet = TreeSet<BTrees.IU>
/// A `Bucket` of the family `IU`.
public typealias IUBucket = Bucket<BTrees.IU>
/// A `BucketSet` of the family `IU`.
public typealias IUSet = BucketSet<BTrees.IU>

/// A `BTree` of the family `LO`.
public typealias LOBTree = BTree<BTrees.LO>
/// A `TreeSet` of the family `LO`.
public typealias LOTreeSet = TreeSet<BTrees.LO>
/// A `Bucket` of the family `LO`.
public typealias LOBucket = Bucket<BTrees.LO>
/// A `BucketSet` of the family `LO`.
public typealias LOSet = BucketSet<BTrees.LO>

/// A `BTree` of the family `LL`.
public typealias LLBTree = BTree<BTrees.LL>
/// A `TreeSet` of the family `LL`.
public typealias LLTreeSet = TreeSet<BTrees.LL>
/// A `Bucket` of the family `LL`.
public typealias LLBucket = Bucket<BTrees.LL>
/// A `BucketSet` of the family `LL`.
public typealias LLSet = BucketSet<BTrees.LL>

/// A `BTree` of the family `LF`.
public typealias LFBTree = BTree<BTrees.LF>
/// A `TreeSet` of the family `LF`.
public typealias LFTreeSet = TreeSet<BTrees.LF>
/// A `Bucket` of the family `LF`.
public typealias LFBucket = Bucket<BTrees.LF>
/// A `BucketSet` of the family `LF`.
public typealias LFSet = BucketSet<BTrees.LF>

/// A `BTree` of the family `LQ`.
public typealias LQBTree = BTree<BTrees.LQ>
/// A `TreeSet` of the family `LQ`.
public typealias LQTreeSet = TreeSet<BTrees.LQ>
/// A `Bucket` of the family `LQ`.
public typealias LQBucket = Bucket<BTrees.LQ>
/// A `BucketSet` of the family `LQ`.
public typealias LQSet = BucketSet<BTrees.LQ>

/// A `BTree` of the family `UO`.
public typealias UOBTree = BTree<BTrees.UO>
/// A `TreeSet` of the family `UO`.
public typealias UOTreeSet = TreeSet<BTrees.UO>
/// A `Bucket` of the family `UO`.
public typealias UOBucket = Bucket<BTrees.UO>
/// A `BucketSet` of the family `UO`.
public typealias UOSet = BucketSet<BTrees.UO>

/// A `BTree` of the family `UI`.
public typealias UIBTree = BTree<BTrees.UI>
/// A `TreeSet` of the family `UI`.
public typealias UITreeSet = TreeSet<BTrees.UI>
/// A `Bucket` of the family `UI`.
public typealias UIBucket = Bucket<BTrees.UI>
/// A `BucketSet` of the family `UI`.
public typealias UISet = BucketSet<BTrees.UI>

/// A `BTree` of the family `UF`.
public typealias UFBTree = BTree<BTrees.UF>
/// A `TreeSet` of the family `UF`.
public typealias UFTreeSet = TreeSet<BTrees.UF>
/// A `Bucket` of the family `UF`.
public typealias UFBucket = Bucket<BTrees.UF>
/// A `BucketSet` of the family `UF`.
public typealias UFSet = BucketSet<BTrees.UF>

/// A `BTree` of the family `UU`.
public typealias UUBTree = BTree<BTrees.UU>
/// A `TreeSet` of the family `UU`.
public typealias UUTreeSet = TreeSet<BTrees.UU>
/// A `Bucket` of the family `UU`.
public typealias UUBucket = Bucket<BTrees.UU>
/// A `BucketSet` of the family `UU`.
public typealias UUSet = BucketSet<BTrees.UU>

/// A `BTree` of the family `QO`.
public typealias QOBTree = BTree<BTrees.QO>
/// A `TreeSet` of the family `QO`.
public typealias QOTreeSet = TreeSet<BTrees.QO>
/// A `Bucket` of the family `QO`.
public typealias QOBucket = Bucket<BTrees.QO>
/// A `BucketSet` of the family `QO`.
public typealias QOSet = BucketSet<BTrees.QO>

/// A `BTree` of the family `QL`.
public typealias QLBTree = BTree<BTrees.QL>
/// A `TreeSet` of the family `QL`.
public typealias QLTreeSet = TreeSet<BTrees.QL>
/// A `Bucket` of the family `QL`.
public typealias QLBucket = Bucket<BTrees.QL>
/// A `BucketSet` of the family `QL`.
public typealias QLSet = BucketSet<BTrees.QL>

/// A `BTree` of the family `QF`.
public typealias QFBTree = BTree<BTrees.QF>
/// A `TreeSet` of the family `QF`.
public typealias QFTreeSet = TreeSet<BTrees.QF>
/// A `Bucket` of the family `QF`.
public typealias QFBucket = Bucket<BTrees.QF>
/// A `BucketSet` of the family `QF`.
public typealias QFSet = BucketSet<BTrees.QF>

/// A `BTree` of the family `QQ`.
public typealias QQBTree = BTree<BTrees.QQ>
/// A `TreeSet` of the family `QQ`.
public typealias QQTreeSet = TreeSet<BTrees.QQ>
/// A `Bucket` of the family `QQ`.
public typealias QQBucket = Bucket<BTrees.QQ>
/// A `BucketSet` of the family `QQ`.
public typealias QQSet = BucketSet<BTrees.QQ>

/// A `BTree` of the family `fs`.
public typealias fsBTree = BTree<BTrees.fs>
/// A `TreeSet` of the family `fs`.
public typealias fsTreeSet = TreeSet<BTrees.fs>
/// A `Bucket` of the family `fs`.
public typealias fsBucket = Bucket<BTrees.fs>
/// A `BucketSet` of the family `fs`.
public typealias fsSet = BucketSet<BTrees.fs>
