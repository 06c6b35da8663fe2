//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

extension BTreeNode {
    /// The keys that are in this tree or in the other one, in their order.
    public final func union<Other>(_ other: BTreeNode<Key, Other>) async throws -> [Key] {
        try await self.merge(other, left: true, both: true, right: true)
    }

    /// The keys that are in this tree and in the other one, in their order.
    public final func intersection<Other>(_ other: BTreeNode<Key, Other>) async throws -> [Key] {
        try await self.merge(other, left: false, both: true, right: false)
    }

    /// The keys that are in this tree and not in the other one, in their order.
    public final func subtracting<Other>(_ other: BTreeNode<Key, Other>) async throws -> [Key] {
        try await self.merge(other, left: true, both: false, right: false)
    }

    /// Walks through both trees at once, and takes the keys that are in one, in both, or in the other.
    private func merge<Other>(
        _ other: BTreeNode<Key, Other>,
        left: Bool,
        both: Bool,
        right: Bool
    ) async throws -> [Key] {
        var (ones, others) = (self.keys().makeAsyncIterator(), other.keys().makeAsyncIterator())
        var (one, another) = (try await ones.next(), try await others.next())
        var result: [Key] = []
        while one != nil || another != nil {
            let order: Int
            switch (one, another) {
            case (let one?, let another?): order = try self.kind.keys.compare(one, another)
            case (_?, nil): order = -1
            default: order = 1
            }
            if order < 0 ? left : order == 0 ? both : right, let key = order <= 0 ? one : another { result.append(key) }
            if order <= 0 { one = try await ones.next() }
            if order >= 0 { another = try await others.next() }
        }
        return result
    }
}
