//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
public import OrderedCollections
public import ZODBFormat

/// A dictionary with a record of its own: Python's `persistent.mapping.PersistentMapping`.
///
/// Items keep the order in which they were set, as in Python. Setting an item of a mapping that is in the database makes
/// the mapping part of the transaction.
public final class PersistentMapping: PersistentObject {
    /// The class as Python writes it today.
    static let currentClass = PickleGlobal("persistent.mapping", "PersistentMapping")

    /// Every name under which Python has ever written the class.
    static let knownClasses: Set<PickleGlobal> = [
        currentClass, PickleGlobal("persistent.dict", "PersistentDict"),
        PickleGlobal("ZODB.PersistentMapping", "PersistentMapping"),
        PickleGlobal("PersistentMapping", "PersistentMapping"),
        PickleGlobal("Persistence.mapping", "PersistentMapping"),
        PickleGlobal("Persistence", "PersistentMapping"),
    ]

    /// Under which names a state holds the items; Python 2 wrote them as bytes.
    private static let itemKeys: Set<PickleValue> = [
        .string("data"), .string("_container"),
        .bytes(ByteBuffer(string: "data")), .bytes(ByteBuffer(string: "_container")),
    ]

    private struct Content {
        var items: OrderedDictionary<PersistentValue, PersistentValue> = [:]
        /// What Python code has set on the object beside its items.
        var attributes: [PickleItem] = []
    }

    private let writtenClass: PickleValue
    private var content: Content
    private var committed: Content?

    /// A new mapping with these items; of equal keys the last one counts.
    public convenience init(_ items: KeyValuePairs<PersistentValue, PersistentValue> = [:]) {
        self.init(items: OrderedDictionary(items.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 }))
    }

    /// A new mapping with these items.
    public init(items: OrderedDictionary<PersistentValue, PersistentValue>) {
        self.writtenClass = .global(Self.currentClass)
        self.content = Content(items: items)
        super.init()
    }

    /// The mapping of a record.
    init(classDescription: PickleValue, state: PickleValue) throws(FormatError) {
        self.writtenClass = classDescription
        self.content = try Self.content(of: state)
        super.init()
    }

    /// The class that Python makes the mapping of.
    public override var classDescription: PickleValue { self.writtenClass }

    /// What Python sets the mapping's state to. Objects that it refers to must have identifiers.
    public override var state: PickleValue {
        .dict([PickleItem(.string("data"), .dict(self.content.items.pickled))] + self.content.attributes)
    }

    override func adoption(of state: PickleValue) throws(FormatError) -> () -> Void {
        let content = try Self.content(of: state)
        return { self.content = content }
    }

    private static func content(of state: PickleValue) throws(FormatError) -> Content {
        guard case .dict(let attributes) = state else {
            throw FormatError("persistent mapping", "the state is not a dictionary")
        }
        var content = Content()
        var found = false
        for attribute in attributes {
            // Before ZODB 3.3 the items were in `_container`; Python, too, writes them back as `data`.
            if Self.itemKeys.contains(attribute.key) {
                guard case .dict(let items) = attribute.value else {
                    throw FormatError("persistent mapping", "the items are not a dictionary")
                }
                guard let items = OrderedDictionary(pickled: items) else {
                    throw FormatError("persistent mapping", "two of the keys cannot be told apart")
                }
                content.items = items
                found = true
            } else {
                content.attributes.append(attribute)
            }
        }
        guard found else { throw FormatError("persistent mapping", "the state has no items") }
        return content
    }

    override func forEachReference(_ body: (PersistentReference) -> Void) {
        for (key, value) in self.content.items {
            key.forEachReference(body)
            value.forEachReference(body)
        }
    }

    override func keepCommitted() {
        self.committed = self.content
    }

    override func forgetCommitted(restoring: Bool) {
        if restoring, let committed { self.content = committed }
        self.committed = nil
    }
}

extension PersistentMapping: Sequence {
    /// The value of a key. Setting `nil` removes the item.
    public subscript(key: PersistentValue) -> PersistentValue? {
        get { self.content.items[key] }
        set {
            guard newValue != nil || self.content.items[key] != nil else { return }
            self.willChange()
            self.content.items[key] = newValue
        }
    }

    /// The value of a key that is text. Setting `nil` removes the item.
    public subscript(key: String) -> PersistentValue? {
        get { self[.string(key)] }
        set { self[.string(key)] = newValue }
    }

    /// The items, in the order in which they were set.
    public var items: OrderedDictionary<PersistentValue, PersistentValue> { self.content.items }

    /// The items as a sequence: `for (key, value) in mapping`. Changes of the mapping do not disturb it.
    public func makeIterator() -> some IteratorProtocol<(key: PersistentValue, value: PersistentValue)> {
        self.content.items.makeIterator()
    }

    /// The keys, in the order in which they were set.
    public var keys: OrderedSet<PersistentValue> { self.content.items.keys }

    /// The number of items.
    public var count: Int { self.content.items.count }

    /// Whether there is no item.
    public var isEmpty: Bool { self.content.items.isEmpty }

    /// Removes every item.
    public func removeAll() {
        guard !self.isEmpty else { return }
        self.willChange()
        self.content.items = [:]
    }

    /// The persistent object that the value of `key` refers to, loaded; `nil` without such an item.
    ///
    /// Throws `StorageError.invalidArgument` when the value is no reference, and what loading throws.
    public func object(_ key: PersistentValue) async throws -> PersistentObject? {
        guard let value = self[key] else { return nil }
        return try await self.resolve(value, at: "the value of \(key)")
    }

    /// The persistent mapping that the value of `key` refers to, loaded; `nil` without such an item.
    ///
    /// Throws `StorageError.invalidArgument` when the value is something else, and what loading throws.
    public func mapping(_ key: PersistentValue) async throws -> PersistentMapping? {
        try await self.object(key)?.expected(PersistentMapping.self, "mapping", at: "the value of \(key)")
    }

    /// The persistent list that the value of `key` refers to, loaded; `nil` without such an item.
    ///
    /// Throws `StorageError.invalidArgument` when the value is something else, and what loading throws.
    public func list(_ key: PersistentValue) async throws -> PersistentList? {
        try await self.object(key)?.expected(PersistentList.self, "list", at: "the value of \(key)")
    }
}
