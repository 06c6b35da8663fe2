//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// How objects of a class are merged.
enum MergeRule: Hashable {
    /// `BTrees.Length.Length`: both changes are added.
    case length
    /// A bucket or set.
    case bucket(BucketKind)
    /// A tree or set of one bucket that lies within it.
    case tree(BucketKind)

    /// The rule for a class; `nil` when only the application knows one.
    init?(_ global: PickleGlobal) {
        if global == PickleGlobal("BTrees.Length", "Length") {
            self = .length
            return
        }
        let (module, name) = (global.module, global.name)
        guard module.hasPrefix("BTrees."), module.hasSuffix("BTree"), module.utf8.count == 14 else { return nil }
        let letters = String(module.dropFirst(7).prefix(2))
        guard let family = BucketFamily(letters), name.hasPrefix(letters) else { return nil }
        // The package's classes in Python, beside those in C, have a name of their own and other rules; nobody stores them.
        switch name.dropFirst(2) {
        case "Bucket": self = .bucket(BucketKind(family: family, hasValues: true))
        case "Set": self = .bucket(BucketKind(family: family, hasValues: false))
        case "BTree": self = .tree(BucketKind(family: family, hasValues: true))
        case "TreeSet": self = .tree(BucketKind(family: family, hasValues: false))
        default: return nil
        }
    }
}

/// What a bucket holds.
struct BucketKind: Hashable {
    let family: BucketFamily
    /// Whether it is a mapping and no set.
    let hasValues: Bool
}
