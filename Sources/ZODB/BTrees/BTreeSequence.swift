//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// Keys, values or items of a BTree in the order of the keys: `for try await key in tree.keys()`.
///
/// Leaves are loaded one by one. The tree may be changed meanwhile: no key comes twice, and those that are inserted ahead
/// of the walk come, except in the leaf where it is.
public struct BTreeSequence<Key, Value, Element>: AsyncSequence {
    private let tree: BTreeNode<Key, Value>
    private let bounds: BTreeBounds<Key>
    private let element: (Key, Value) -> Element

    init(_ tree: BTreeNode<Key, Value>, _ bounds: BTreeBounds<Key>, _ element: @escaping (Key, Value) -> Element) {
        self.tree = tree
        self.bounds = bounds
        self.element = element
    }

    /// Begins a walk.
    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(cursor: BTreeCursor(self.tree, self.bounds), element: self.element)
    }

    /// The rest of the walk as an array.
    public func collected() async throws -> [Element] {
        var iterator = self.makeAsyncIterator()
        var elements: [Element] = []
        while let element = try await iterator.next() { elements.append(element) }
        return elements
    }

    /// A walk through a BTree.
    public struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate var cursor: BTreeCursor<Key, Value>
        fileprivate let element: (Key, Value) -> Element
        private var index = 0

        fileprivate init(cursor: BTreeCursor<Key, Value>, element: @escaping (Key, Value) -> Element) {
            self.cursor = cursor
            self.element = element
        }

        /// The next element; `nil` at the end. Throws what loading throws.
        public mutating func next() async throws -> Element? {
            if self.index >= self.cursor.range.upperBound {
                guard try await self.cursor.nextChunk() else { return nil }
                self.index = self.cursor.range.lowerBound
            }
            defer { self.index += 1 }
            return self.element(self.cursor.items.keys[self.index], self.cursor.items.values[self.index])
        }

        /// The next element, without leaving the isolation of the caller.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws(any Error) -> Element? {
            try await self.next()
        }
    }
}

extension BTreeNode {
    /// The keys within bounds, in their order.
    ///
    /// - Parameters:
    ///   - min: The least key; `nil` for all from the beginning.
    ///   - max: The greatest key; `nil` for all to the end.
    ///   - excludesMin: Whether `min` itself is left out; without `min`, the first key.
    ///   - excludesMax: Whether `max` itself is left out; without `max`, the last key.
    public final func keys(
        from min: Key? = nil,
        through max: Key? = nil,
        excludesMin: Bool = false,
        excludesMax: Bool = false
    ) -> BTreeSequence<Key, Value, Key> {
        let bounds = BTreeBounds(min: min, max: max, excludesMin: excludesMin, excludesMax: excludesMax)
        return BTreeSequence(self, bounds) { key, _ in key }
    }
}
