//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// A range of keys.
struct BTreeBounds<Key> {
    /// The least key; `nil` where there is no bound.
    var min: Key?
    /// The greatest key; `nil` where there is no bound.
    var max: Key?
    /// Whether the least key itself is left out; without a bound, the first key that there is.
    var excludesMin = false
    /// Whether the greatest key itself is left out; without a bound, the last key that there is.
    var excludesMax = false
}

extension BTreeItems {
    /// Where the keys within bounds are, and whether all keys behind these items are out of bounds.
    func range(
        _ bounds: BTreeBounds<Key>,
        _ kind: BTreeKind<Key, Value>
    ) throws -> (range: Range<Int>, isEnd: Bool) {
        var lower = 0
        if let min = bounds.min {
            let (index, isFound) = try self.search(min, kind)
            lower = isFound && bounds.excludesMin ? index + 1 : index
        }
        guard let max = bounds.max else { return (lower..<self.count, false) }
        let (index, isFound) = try self.search(max, kind)
        let upper = isFound && !bounds.excludesMax ? index + 1 : index
        return (lower..<Swift.max(lower, upper), isFound || index < self.count)
    }
}
