//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ZODBFormat

/// The items of a leaf in the order of their keys.
struct BTreeItems<Key, Value> {
    private(set) var keys: [Key] = []
    /// The values, one for each key; of a set they are nothing.
    private(set) var values: [Value] = []

    var count: Int { self.keys.count }
    var isEmpty: Bool { self.keys.isEmpty }

    init() {}

    private init(keys: [Key], values: [Value]) {
        self.keys = keys
        self.values = values
    }

    /// Where a key is, or where it would have to be inserted.
    func search(_ key: Key, _ kind: BTreeKind<Key, Value>) throws -> (index: Int, isFound: Bool) {
        var (low, high) = (0, self.keys.count)
        while low < high {
            let middle = (low + high) / 2
            let order = try kind.keys.compare(self.keys[middle], key)
            if order == 0 { return (middle, true) }
            if order < 0 { low = middle + 1 } else { high = middle }
        }
        return (low, false)
    }

    /// Whether setting a value changes anything.
    func isChange(_ value: Value, at index: Int, _ kind: BTreeKind<Key, Value>) -> Bool {
        guard kind.hasValues else { return false }
        return kind.values.isSame.map { !$0(self.values[index], value) } ?? true
    }

    mutating func insert(_ key: Key, _ value: Value, at index: Int) {
        self.keys.insert(key, at: index)
        self.values.insert(value, at: index)
    }

    mutating func set(_ value: Value, at index: Int) {
        self.values[index] = value
    }

    mutating func remove(at index: Int) -> Value {
        self.keys.remove(at: index)
        return self.values.remove(at: index)
    }

    /// Takes the upper half of the items away.
    mutating func splitOff() -> BTreeItems {
        let middle = self.keys.count / 2
        let upper = BTreeItems(keys: Array(self.keys[middle...]), values: Array(self.values[middle...]))
        self.keys.removeSubrange(middle...)
        self.values.removeSubrange(middle...)
        return upper
    }

    // MARK: States

    /// Reads `(key, value, key, value, …)`, of a set `(key, key, …)`.
    init(_ pickle: PickleValue, _ kind: BTreeKind<Key, Value>) throws(FormatError) {
        guard case .tuple(let elements) = pickle else { throw FormatError("BTree", "the items are no tuple") }
        let width = kind.hasValues ? 2 : 1
        guard elements.count.isMultiple(of: width) else { throw FormatError("BTree", "a key has no value") }
        self.keys.reserveCapacity(elements.count / width)
        self.values.reserveCapacity(elements.count / width)
        for index in stride(from: 0, to: elements.count, by: width) {
            guard let key = kind.keys.read(elements[index]) else { throw kind.unfit("a key", kind.keys.letter) }
            // In a set the key stands for its value, which is not read.
            guard let value = kind.values.read(elements[index + width - 1]) else {
                throw kind.unfit("a value", kind.values.letter)
            }
            self.keys.append(key)
            self.values.append(value)
        }
    }

    /// The items as they stand in a state.
    func pickled(_ kind: BTreeKind<Key, Value>) -> PickleValue {
        var elements: [PickleValue] = []
        elements.reserveCapacity(self.keys.count * (kind.hasValues ? 2 : 1))
        for (key, value) in zip(self.keys, self.values) {
            elements.append(kind.keys.write(key))
            if kind.hasValues { elements.append(kind.values.write(value)) }
        }
        return .tuple(elements)
    }

    func forEachReference(_ kind: BTreeKind<Key, Value>, _ body: (PersistentReference) -> Void) {
        if let visit = kind.keys.forEachReference { for key in self.keys { visit(key, body) } }
        if let visit = kind.values.forEachReference { for value in self.values { visit(value, body) } }
    }
}
