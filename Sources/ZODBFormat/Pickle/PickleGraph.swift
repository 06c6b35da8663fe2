//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// Containers and objects that a pickle is still filling.
///
/// Pickles remember containers before they fill them, and may put them into others meanwhile. So they are kept as nodes
/// that name each other by index, and become values when the pickle has ended and nothing can change any more.
struct PickleGraph {
    struct Node {
        var shape: Shape
        /// The elements; for an object the callable, the arguments, any keyword arguments and then its list items.
        var slots: [PickleSlot] = []
        /// The keys and values of a dictionary or of an object's items, alternating.
        var itemSlots: [PickleSlot] = []
        var state: PickleSlot?
    }

    enum Shape {
        case list
        case dict
        case set
        case tuple
        case frozenSet
        case persistentID
        case reduced
        case new
        case newWithKeywords
        case beingResolved
        case resolved(PickleMeasuredValue)
    }

    private(set) var nodes: [Node] = []
    private let limits: PickleReader.Limits

    init(limits: PickleReader.Limits) {
        self.limits = limits
    }

    mutating func add(_ node: Node) -> PickleSlot {
        self.nodes.append(node)
        return .node(self.nodes.count - 1)
    }

    /// Appends elements to a list or an object; `false` where there is nothing to append to.
    mutating func append(_ slots: ArraySlice<PickleSlot>, to index: Int) -> Bool {
        switch self.nodes[index].shape {
        case .list, .reduced, .new, .newWithKeywords: self.nodes[index].slots += slots
        default: return false
        }
        return true
    }

    /// Sets items, keys and values alternating, in a dictionary or an object.
    mutating func setItems(_ slots: ArraySlice<PickleSlot>, in index: Int) -> Bool {
        switch self.nodes[index].shape {
        case .dict, .reduced, .new, .newWithKeywords: self.nodes[index].itemSlots += slots
        default: return false
        }
        return true
    }

    /// Adds elements to a set.
    mutating func insert(_ slots: ArraySlice<PickleSlot>, into index: Int) -> Bool {
        guard case .set = self.nodes[index].shape else { return false }
        self.nodes[index].slots += slots
        return true
    }

    /// Gives an object its state, once.
    mutating func build(_ state: PickleSlot, in index: Int) -> Bool {
        switch self.nodes[index].shape {
        case .reduced, .new, .newWithKeywords:
            guard self.nodes[index].state == nil else { return false }
            self.nodes[index].state = state
            return true
        default:
            return false
        }
    }

    /// The value that a slot has come to, now that all nodes are filled.
    mutating func resolve(_ slot: PickleSlot) throws(FormatError) -> PickleValue {
        var tally = PickleTally()
        return try self.resolve(slot, level: 0, &tally)
    }

    private mutating func resolve(
        _ slot: PickleSlot,
        level: Int,
        _ tally: inout PickleTally
    ) throws(FormatError) -> PickleValue {
        switch slot {
        case .value(let measured):
            // What stands at the top has nothing around it that would check it.
            if level > 0 { try tally.add(measured, self.limits) }
            return measured.value
        case .node(let index):
            let measured = try self.resolve(node: index, level: level + 1)
            if level > 0 { try tally.add(measured, self.limits) }
            return measured.value
        }
    }

    private mutating func resolve(node index: Int, level: Int) throws(FormatError) -> PickleMeasuredValue {
        guard level <= self.limits.maximumDepth else { throw self.limits.tooDeep }
        switch self.nodes[index].shape {
        case .resolved(let measured): return measured
        case .beingResolved: throw FormatError("pickle", "a value that contains itself")
        default: break
        }
        var node = Node(shape: .beingResolved)
        swap(&node, &self.nodes[index])
        var tally = PickleTally()
        let value = try self.value(of: node, level: level, &tally)
        let measured = tally.containing(value)
        self.nodes[index] = Node(shape: .resolved(measured))
        return measured
    }

    private mutating func value(of node: Node, level: Int, _ tally: inout PickleTally) throws(FormatError)
        -> PickleValue
    {
        let elements = try self.values(of: node.slots[...], level, &tally)
        switch node.shape {
        case .list: return .list(elements)
        case .set: return .set(elements)
        case .tuple: return .tuple(elements)
        case .frozenSet: return .frozenSet(elements)
        case .persistentID: return .persistentID(elements[0])
        case .dict: return .dict(try self.items(of: node.itemSlots, level, &tally))
        case .reduced: return try self.object(.reduce, 2, elements, node, level, &tally)
        case .new: return try self.object(.new, 2, elements, node, level, &tally)
        case .newWithKeywords: return try self.object(.newWithKeywords(elements[2]), 3, elements, node, level, &tally)
        case .beingResolved, .resolved: preconditionFailure("only nodes that wait are resolved")
        }
    }

    private mutating func object(
        _ construction: PickleObject.Construction,
        _ arity: Int,
        _ elements: [PickleValue],
        _ node: Node,
        _ level: Int,
        _ tally: inout PickleTally
    ) throws(FormatError) -> PickleValue {
        var object = PickleObject(construction, callable: elements[0], arguments: elements[1])
        object.listItems = Array(elements[arity...])
        object.dictItems = try self.items(of: node.itemSlots, level, &tally)
        if let state = node.state { object.state = try self.resolve(state, level: level, &tally) }
        return .object(object)
    }

    private mutating func values(
        of slots: ArraySlice<PickleSlot>,
        _ level: Int,
        _ tally: inout PickleTally
    ) throws(FormatError) -> [PickleValue] {
        var values: [PickleValue] = []
        values.reserveCapacity(slots.count)
        for slot in slots { values.append(try self.resolve(slot, level: level, &tally)) }
        return values
    }

    private mutating func items(
        of slots: [PickleSlot],
        _ level: Int,
        _ tally: inout PickleTally
    ) throws(FormatError) -> [PickleItem] {
        var items: [PickleItem] = []
        items.reserveCapacity(slots.count / 2)
        for index in stride(from: 0, to: slots.count - 1, by: 2) {
            let key = try self.resolve(slots[index], level: level, &tally)
            items.append(PickleItem(key, try self.resolve(slots[index + 1], level: level, &tally)))
        }
        return items
    }
}
