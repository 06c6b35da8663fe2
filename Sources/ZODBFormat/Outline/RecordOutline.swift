//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

package import NIOCore

/// Where everything stands in the two pickles of an object record: which instructions make which value.
///
/// It is what changing a record takes when nothing else of it may change. Unlike a `PickleValue` it knows identity, so
/// that values may contain themselves, and it copies nothing, so that its size is bounded by that of the record. Offsets
/// count from the beginning of the record.
package struct RecordOutline {
    /// A value, by its index into `nodes`: the same object wherever it is named.
    package typealias NodeID = Int

    /// One occurrence of a value: the instructions that put it on the stack there.
    package struct Place {
        package var node: NodeID
        package var span: Range<Int>
    }

    /// Something that was put into a container.
    package struct Entry {
        /// The key; `nil` for an element of a list.
        package var key: Place?
        package var value: Place
        /// The offset of the instruction that puts in this one alone; `nil` where several are put in at once.
        package var filler: Int?

        package var span: Range<Int> { (self.key ?? self.value).span.lowerBound..<self.value.span.upperBound }
    }

    package enum Shape {
        /// A value without parts; `nil` for text that no Swift string can hold.
        case leaf(PickleValue?)
        case tuple([Place])
        case list
        case dict
        /// A set or a frozen set.
        case set
        /// What a call makes, of the callable, the arguments and perhaps keyword arguments.
        case object([Place])
        case persistentID(Place)
    }

    package struct Node {
        package var shape: Shape
        package var entries: [Entry] = []
        /// What the object's state is set to.
        package var state: Place?
        /// The offset behind the last instruction that makes or fills the value. It lies on top of the stack there.
        package var end: Int
    }

    package internal(set) var nodes: [Node] = []
    /// The first pickle: what the object is made from.
    package internal(set) var classDescription = Place(node: 0, span: 0..<0)
    /// The second pickle: what `__setstate__` gets.
    package internal(set) var state = Place(node: 0, span: 0..<0)

    /// Instructions that say how long a part of the pickle is, and nothing else.
    var frames: [Range<Int>] = []
    /// Where values are remembered, and under which number; `isImplied` where the number depends on what came before.
    var puts: [(offset: Int, index: Int, isImplied: Bool)] = []
    /// Where remembered values are used.
    var gets: [(offset: Int, index: Int)] = []

    /// The outline of a whole record.
    ///
    /// Throws for what is no two pickles. That a record has an outline does not mean that Python can load it.
    package init(_ record: ByteBuffer) throws(FormatError) {
        var machine = OutlineMachine(record)
        do {
            self = try machine.run()
        } catch {
            throw FormatError("object record", error.problem, at: error.offset)
        }
    }

    /// Nothing yet.
    init() {}

    package subscript(place: Place) -> Node { self.nodes[place.node] }

    /// Whether the instructions in `span` can go without anything else missing them.
    func isRemovable(_ span: Range<Int>) -> Bool {
        let inside = self.puts.filter { span.contains($0.offset) }
        guard !inside.isEmpty else { return true }
        let indices = Set(inside.map(\.index))
        return !inside.contains(where: \.isImplied)
            && !self.gets.contains { !span.contains($0.offset) && indices.contains($0.index) }
    }
}
