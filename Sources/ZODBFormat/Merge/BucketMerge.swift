//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// Merges two changes of one bucket, key by key, by the rules of the BTrees package.
///
/// Whatever one side leaves alone the other may change: insert, delete, or set another value. Both may not insert or
/// delete the same key, nor change or delete what the other has changed, and neither may do what the bucket's parent would
/// have to know of: empty the bucket, split it, or delete its first key.
struct BucketMerge {
    typealias Item = (key: BucketElement, value: BucketElement?)

    /// A walk through the items of one state.
    struct Cursor {
        private let items: [Item]
        private var index = 0

        init(_ items: [Item]) {
            self.items = items
        }

        var isEmpty: Bool { self.items.isEmpty }
        var isAtFirst: Bool { self.index == 0 }
        var item: Item? { self.index < self.items.count ? self.items[self.index] : nil }
        mutating func advance() { self.index += 1 }
    }

    private var old: Cursor
    private var committed: Cursor
    private var new: Cursor
    private var order: PythonOrder
    private var result: [Item] = []

    init(old: [Item], committed: [Item], new: [Item], order: PythonOrder) {
        (self.old, self.committed, self.new) = (Cursor(old), Cursor(committed), Cursor(new))
        self.order = order
    }

    /// The merged items.
    consuming func merged() throws(MergeRefusal) -> [Item] {
        // Whoever emptied a bucket has unlinked it from its tree.
        if self.committed.isEmpty || self.new.isEmpty { throw .bucket(.emptiedBucket) }
        while let old = self.old.item { try self.step(old) }
        while let committed = self.committed.item {
            guard let new = self.new.item else {
                self.takeCommitted(committed)
                continue
            }
            let comparison = try self.order.compare(committed.key, new.key)
            if comparison == 0 { throw .bucket(.bothInserted) }
            if comparison < 0 { self.takeCommitted(committed) } else { self.takeNew() }
        }
        while self.new.item != nil { self.takeNew() }
        if self.result.isEmpty { throw .bucket(.emptyResult) }
        return self.result
    }

    private mutating func takeCommitted(_ item: Item) {
        self.result.append(item)
        self.committed.advance()
    }

    private mutating func takeNew() {
        if let item = self.new.item { self.result.append(item) }
        self.new.advance()
    }

    /// Deals with the least key, while the old state has any left.
    private mutating func step(_ old: Item) throws(MergeRefusal) {
        switch (self.committed.item, self.new.item) {
        case (let committed?, let new?):
            let toCommitted = try self.order.compare(old.key, committed.key)
            let toNew = try self.order.compare(old.key, new.key)
            switch (toCommitted, toNew) {
            case (0, 0): try self.resolve(old, committed, new)
            case (0, 1...): self.takeNew()
            case (1..., 0): self.takeCommitted(committed)
            case (0, _):
                try self.requireSame(old, committed, or: .deletedAndChanged)
                if self.new.isAtFirst { throw .bucket(.deletedFirstKey) }
                self.old.advance()
                self.committed.advance()
            case (_, 0):
                try self.requireSame(old, new, or: .changedAndDeleted)
                if self.committed.isAtFirst { throw .bucket(.deletedFirstKey) }
                self.old.advance()
                self.new.advance()
            default:
                let comparison = try self.order.compare(committed.key, new.key)
                if comparison == 0 { throw .bucket(.bothInsertedOrDeleted) }
                if toCommitted > 0, toNew <= 0 || comparison < 0 {
                    self.takeCommitted(committed)
                } else if toNew > 0 {
                    self.takeNew()
                } else {
                    throw .bucket(.bothDeleted)
                }
            }
        case (let committed?, nil):
            let comparison = try self.order.compare(old.key, committed.key)
            if comparison > 0 { return self.takeCommitted(committed) }
            guard comparison == 0 else { throw .bucket(.deletedWhatTheFirstChanged) }
            try self.requireSame(old, committed, or: .deletedWhatTheFirstChanged)
            self.old.advance()
            self.committed.advance()
        case (nil, let new?):
            let comparison = try self.order.compare(old.key, new.key)
            if comparison > 0 { return self.takeNew() }
            guard comparison == 0 else { throw .bucket(.deletedWhatTheSecondChanged) }
            try self.requireSame(old, new, or: .deletedWhatTheSecondChanged)
            self.old.advance()
            self.new.advance()
        case (nil, nil):
            throw .bucket(.bothDeletedTheEnd)
        }
    }

    /// All three have the key: at most one may have changed its value, or both to the same one as before.
    private mutating func resolve(_ old: Item, _ committed: Item, _ new: Item) throws(MergeRefusal) {
        if try self.isSame(old, committed) {
            // Of equal keys that one counts whose value does: they are different objects to a pickler.
            self.result.append(new)
        } else if try self.isSame(old, new) {
            self.result.append(committed)
        } else {
            throw .bucket(.bothChangedValue)
        }
        self.old.advance()
        self.committed.advance()
        self.new.advance()
    }

    private mutating func isSame(_ one: Item, _ other: Item) throws(MergeRefusal) -> Bool {
        guard let one = one.value, let other = other.value else { return true }
        return try self.order.compare(one, other) == 0
    }

    private mutating func requireSame(
        _ one: Item,
        _ other: Item,
        or conflict: BucketConflict
    ) throws(MergeRefusal) {
        guard try self.isSame(one, other) else { throw .bucket(conflict) }
    }
}
