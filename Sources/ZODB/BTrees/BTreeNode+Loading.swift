//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ZODBFormat
import ZODBStorage

/// Says that an operation needs an object that is not loaded.
struct MissingObject: Error {
    let oid: ObjectID
}

/// The way from the root to a leaf.
struct BTreePath<Key, Value> {
    /// The nodes, beginning with the root, each with the index of the child that is next.
    var steps: [(node: BTreeNode<Key, Value>, index: Int)]
    var leaf: BTreeLeaf<Key, Value>
}

extension BTreeNode {
    /// Runs an operation that does not wait; again, from its beginning, after each object that it finds missing has been
    /// loaded. So it must change nothing before it has everything that it needs.
    func withNodes<Result>(_ operation: () throws -> Result) async throws -> Result {
        // What has been loaded must not be forgotten before it is used.
        var held: [PersistentObject] = []
        defer { withExtendedLifetime(held) {} }
        while true {
            try await self.prepare()
            let missing: ObjectID
            do {
                return try operation()
            } catch let error as MissingObject {
                missing = error.oid
            }
            guard let connection = self.connection else { throw Self.connectionClosed }
            let object = try await connection.object(missing)
            held.append(object)
        }
    }

    /// Makes sure that there is a snapshot to load from.
    private func prepare() async throws {
        guard self.oid != nil else { return }
        guard let connection = self.connection else { throw Self.connectionClosed }
        try connection.checkOpen()
        if connection.current == nil { try await connection.refresh() }
    }

    private static var connectionClosed: StorageError {
        StorageError(.closed, "the connection of the object has been closed")
    }

    /// The object that is referred to, if it is loaded; throws `MissingObject` otherwise.
    private func loaded(_ reference: PersistentReference) throws -> PersistentObject {
        switch reference.target {
        case .object(let object): return object
        case .stored(let oid, _):
            guard let connection = self.connection else { throw Self.connectionClosed }
            guard let object = connection.cache.object(oid) else { throw MissingObject(oid: oid) }
            return object
        case .foreign: throw self.damage("a part of it is in another database")
        }
    }

    /// The leaf that is referred to, if it is loaded.
    func leaf(_ reference: PersistentReference) throws -> BTreeLeaf<Key, Value> {
        let object = try self.loaded(reference)
        guard let leaf = object as? BTreeLeaf<Key, Value> else {
            throw self.damage("a \(object.kindName) is no leaf of it")
        }
        return leaf
    }

    /// The inner node that is referred to, if it is loaded; `nil` for a leaf.
    func node(_ reference: PersistentReference) throws -> BTreeNode<Key, Value>? {
        let object = try self.loaded(reference)
        if let node = object as? BTreeNode<Key, Value> {
            guard !node.content.children.isEmpty else { throw self.damage("an inner node has no children") }
            return node
        }
        guard object is BTreeLeaf<Key, Value> else { throw self.damage("a \(object.kindName) is no part of it") }
        return nil
    }

    /// A tree of this height has more leaves than there are identifiers; what is higher goes in circles.
    private static var maximumHeight: Int { 64 }

    /// The way to the leaf where a key is, or would have to be. The node must have children.
    func path(to key: Key) throws -> BTreePath<Key, Value> {
        try self.path { node throws in
            var (low, high) = (0, node.content.separators.count)
            while low < high {
                let middle = (low + high) / 2
                if try self.kind.keys.compare(node.content.separators[middle], key) <= 0 {
                    low = middle + 1
                } else {
                    high = middle
                }
            }
            return low
        }
    }

    /// The way to the leaf with the greatest keys. The node must have children.
    func pathToLast() throws -> BTreePath<Key, Value> {
        try self.path { $0.content.children.count - 1 }
    }

    private func path(_ choose: (BTreeNode) throws -> Int) throws -> BTreePath<Key, Value> {
        var steps: [(node: BTreeNode<Key, Value>, index: Int)] = []
        var node = self
        while true {
            let index = try choose(node)
            steps.append((node, index))
            guard steps.count < Self.maximumHeight else { throw self.damage("its nodes go in circles") }
            let child = node.content.children[index]
            guard let next = try self.node(child) else { return BTreePath(steps: steps, leaf: try self.leaf(child)) }
            node = next
        }
    }

    /// The leaf that follows another one; `nil` behind the last one.
    func next(_ leaf: BTreeLeaf<Key, Value>) throws -> BTreeLeaf<Key, Value>? {
        guard let next = try leaf.content.next.map(self.leaf) else { return nil }
        guard !next.content.items.isEmpty else { throw self.damage("a leaf is empty") }
        return next
    }

    /// The error of a tree that breaks the rules of trees.
    func damage(_ problem: String) -> FormatError {
        FormatError("\(self.kind.nodeClass) \(self.oid.map(\.description) ?? "")", problem)
    }

    /// To be called when everything is loaded and before the first change.
    func willChange(along path: BTreePath<Key, Value>?) throws {
        try self.checkChangeable()
        self.changes &+= 1
        for (node, _) in path?.steps ?? [] where node.serial != .zero {
            // Somebody else may make the leaf the wrong place for the key, without a change of the leaf.
            try self.connection?.readCurrent(node)
        }
    }
}

extension PersistentObject {
    fileprivate var kindName: String { self.pythonClass?.name ?? "persistent object" }

    /// Throws when the object must not be changed now.
    func checkChangeable() throws {
        guard let oid = self.oid else { return }
        guard let connection = self.connection else {
            throw StorageError(.closed, "the connection of the object has been closed", oid: oid)
        }
        guard !connection.isCommitting else {
            throw StorageError(
                .invalidArgument,
                "an object was changed while its transaction was being committed",
                oid: oid
            )
        }
    }
}
