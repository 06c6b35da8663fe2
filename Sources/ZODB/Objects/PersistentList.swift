//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
public import ZODBFormat

/// A list with a record of its own: Python's `persistent.list.PersistentList`.
///
/// Changing a list that is in the database makes the list part of the transaction. For another kind of change take
/// `elements`, change the array and put it back.
public final class PersistentList: PersistentObject {
    /// The class as Python writes it today.
    static let currentClass = PickleGlobal("persistent.list", "PersistentList")

    /// Every name under which Python has ever written the class.
    static let knownClasses: Set<PickleGlobal> = [
        currentClass, PickleGlobal("ZODB.PersistentList", "PersistentList"),
        PickleGlobal("PersistentList", "PersistentList"),
        PickleGlobal("Persistence.list", "PersistentList"),
        PickleGlobal("Persistence", "PersistentList"),
    ]

    /// Under which name a state holds the elements; Python 2 wrote it as bytes.
    private static let elementKeys: Set<PickleValue> = [.string("data"), .bytes(ByteBuffer(string: "data"))]

    private struct Content {
        var elements: [PersistentValue] = []
        /// What Python code has set on the object beside its elements.
        var attributes: [PickleItem] = []
    }

    private let writtenClass: PickleValue
    private var content: Content
    private var committed: Content?

    /// A new list with these elements.
    public init(_ elements: some Sequence<PersistentValue> = []) {
        self.writtenClass = .global(Self.currentClass)
        self.content = Content(elements: Array(elements))
        super.init()
    }

    /// The list of a record.
    init(classDescription: PickleValue, state: PickleValue) throws(FormatError) {
        self.writtenClass = classDescription
        self.content = try Self.content(of: state)
        super.init()
    }

    /// The class that Python makes the list of.
    public override var classDescription: PickleValue { self.writtenClass }

    /// What Python sets the list's state to. Objects that it refers to must have identifiers.
    public override var state: PickleValue {
        .dict([PickleItem(.string("data"), .list(self.content.elements.map(\.pickle)))] + self.content.attributes)
    }

    override func adoption(of state: PickleValue) throws(FormatError) -> () -> Void {
        let content = try Self.content(of: state)
        return { self.content = content }
    }

    private static func content(of state: PickleValue) throws(FormatError) -> Content {
        guard case .dict(let attributes) = state else {
            throw FormatError("persistent list", "the state is not a dictionary")
        }
        var content = Content()
        var found = false
        for attribute in attributes {
            if Self.elementKeys.contains(attribute.key) {
                guard case .list(let elements) = attribute.value else {
                    throw FormatError("persistent list", "the elements are not a list")
                }
                content.elements = elements.map { PersistentValue($0) }
                found = true
            } else {
                content.attributes.append(attribute)
            }
        }
        guard found else { throw FormatError("persistent list", "the state has no elements") }
        return content
    }

    override func forEachReference(_ body: (PersistentReference) -> Void) {
        for element in self.content.elements { element.forEachReference(body) }
    }

    override func keepCommitted() {
        self.committed = self.content
    }

    override func forgetCommitted(restoring: Bool) {
        if restoring, let committed { self.content = committed }
        self.committed = nil
    }

    /// The elements. Setting them replaces all of them.
    public var elements: [PersistentValue] {
        get { self.content.elements }
        set {
            self.willChange()
            self.content.elements = newValue
        }
    }
}

extension PersistentList: RandomAccessCollection {
    /// The position of the first element: 0.
    public var startIndex: Int { 0 }

    /// The number of elements.
    public var endIndex: Int { self.content.elements.count }

    /// The element at a position.
    public subscript(position: Int) -> PersistentValue {
        get { self.content.elements[position] }
        set {
            self.willChange()
            self.content.elements[position] = newValue
        }
    }

    /// Replaces a part of the list.
    public func replaceSubrange(_ range: some RangeExpression<Int>, with elements: some Collection<PersistentValue>) {
        let range = range.relative(to: self.content.elements)
        guard !range.isEmpty || !elements.isEmpty else { return }
        self.willChange()
        self.content.elements.replaceSubrange(range, with: elements)
    }

    /// Adds an element at the end.
    public func append(_ element: PersistentValue) {
        self.willChange()
        self.content.elements.append(element)
    }

    /// Adds elements at the end.
    public func append(contentsOf elements: some Sequence<PersistentValue>) {
        self.willChange()
        self.content.elements.append(contentsOf: elements)
    }

    /// Inserts an element before a position.
    public func insert(_ element: PersistentValue, at position: Int) {
        self.willChange()
        self.content.elements.insert(element, at: position)
    }

    /// Removes the element at a position, and returns it.
    @discardableResult
    public func remove(at position: Int) -> PersistentValue {
        self.willChange()
        return self.content.elements.remove(at: position)
    }

    /// Removes the last element, and returns it; `nil` when there is none.
    public func popLast() -> PersistentValue? {
        self.isEmpty ? nil : self.remove(at: self.endIndex - 1)
    }

    /// Removes every element of which `isRemoved` is true.
    public func removeAll(where isRemoved: (PersistentValue) throws -> Bool) rethrows {
        let kept = try self.content.elements.filter { try !isRemoved($0) }
        if kept.count < self.count { self.elements = kept }
    }

    /// Removes every element.
    public func removeAll() {
        if !self.isEmpty { self.elements = [] }
    }

    /// The persistent object that the element at a position refers to, loaded.
    ///
    /// Throws `StorageError.invalidArgument` when the element is no reference, and what loading throws.
    public func object(at position: Int) async throws -> PersistentObject {
        try await self.resolve(self[position], at: "element \(position)")
    }

    /// The persistent mapping that the element at a position refers to, loaded.
    ///
    /// Throws `StorageError.invalidArgument` when the element is something else, and what loading throws.
    public func mapping(at position: Int) async throws -> PersistentMapping {
        try await self.object(at: position).expected(PersistentMapping.self, "mapping", at: "element \(position)")
    }
}
