//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

package import NIOCore

/// A step from a value of a record to a part of it.
package enum RecordStep: Hashable, Sendable {
    /// An attribute of the object, or of an object within its state.
    case attribute(String)
    /// The value of a key, or the element at a position.
    case item(PickleValue)
}

/// Why something within a record cannot be found or changed.
package struct RecordRefusal: Error, Hashable {
    /// What is wrong, as a clause.
    package var problem: String
}

extension RecordOutline {
    /// What a step leads into: the part that holds what it names.
    enum Container {
        /// Attributes: the dictionaries that may hold them, the first one being where new ones go.
        case attributes([NodeID])
        /// An object that has no state yet.
        case stateless(NodeID)
        /// The object of the record, whose state is `None`.
        case rootWithoutState
        case items(NodeID)
        case elements(NodeID)
        /// Elements that cannot be exchanged.
        case constants([Place])
    }

    /// Where the value stands that the steps lead to from the object; `nil` where there is none.
    ///
    /// Throws where a step leads into a value that has no such parts at all.
    package func place(at path: some Collection<RecordStep>) throws(RecordRefusal) -> Place? {
        var place: Place?
        for step in path {
            guard let next = try self.place(of: step, in: self.container(of: step, in: place)) else { return nil }
            place = next
        }
        return place ?? self.state
    }

    /// What a step leads into from a place, or from the object itself.
    func container(of step: RecordStep, in place: Place?) throws(RecordRefusal) -> Container {
        switch step {
        case .attribute(let name): return try self.attributes(of: place, name)
        case .item:
            let place = place ?? self.state
            switch self[place].shape {
            case .list: return .elements(place.node)
            case .dict: return .items(place.node)
            case .tuple(let parts): return .constants(parts)
            case .object: return self[place].entries.last?.key == nil ? .elements(place.node) : .items(place.node)
            case .set, .leaf, .persistentID: throw RecordRefusal(problem: "has no items")
            }
        }
    }

    private func attributes(of place: Place?, _ name: String) throws(RecordRefusal) -> Container {
        let state: Place
        if let place {
            guard case .object = self[place].shape else {
                throw RecordRefusal(problem: "is no object that could have an attribute '\(name)'")
            }
            guard let own = self[place].state else { return .stateless(place.node) }
            state = own
        } else {
            state = self.state
        }
        switch self[state].shape {
        case .dict: return .attributes([state.node])
        case .tuple(let parts) where parts.count == 2:
            // What `copyreg` makes of objects with slots.
            let dictionaries = parts.filter { if case .dict = self[$0].shape { true } else { false } }.map(\.node)
            if !dictionaries.isEmpty { return .attributes(dictionaries) }
        case .leaf(.some(.none)) where place == nil: return .rootWithoutState
        default: break
        }
        throw RecordRefusal(problem: "has a state of its own kind, not attributes by name")
    }

    private func place(of step: RecordStep, in container: Container) throws(RecordRefusal) -> Place? {
        if case .constants(let parts) = container { return try self.position(step, parts.count).map { parts[$0] } }
        return try self.entry(of: step, in: container)?.entry.value
    }

    /// The entry that a step names; of equal keys the last one counts.
    func entry(
        of step: RecordStep,
        in container: Container
    ) throws(RecordRefusal) -> (node: NodeID, entry: Entry)? {
        switch container {
        case .stateless, .rootWithoutState, .constants: return nil
        case .elements(let node):
            let entries = self.nodes[node].entries
            return try self.position(step, entries.count).map { (node, entries[$0]) }
        case .items(let node):
            guard case .item(let key) = step else { return nil }
            return self.entry(in: node) { $0 == key }
        case .attributes(let nodes):
            guard case .attribute(let name) = step else { return nil }
            for node in nodes {
                if let found = self.entry(in: node, where: { $0.asText == name }) { return found }
            }
            return nil
        }
    }

    private func entry(in node: NodeID, where matches: (PickleValue) -> Bool) -> (node: NodeID, entry: Entry)? {
        self.nodes[node].entries.last { entry in
            guard let key = entry.key, let value = self.constant(key, depth: 0) else { return false }
            return matches(value)
        }.map { (node, $0) }
    }

    private func position(_ step: RecordStep, _ count: Int) throws(RecordRefusal) -> Int? {
        guard case .item(.int(let position)) = step else {
            throw RecordRefusal(problem: "has elements by position, not by key")
        }
        return (0..<count).contains(position) ? position : nil
    }

    /// A value as it may be a key: without parts, or a tuple of such values.
    private func constant(_ place: Place, depth: Int) -> PickleValue? {
        switch self[place].shape {
        case .leaf(let value): return value
        case .tuple(let parts):
            guard depth < 8, parts.count < 64 else { return nil }
            var values: [PickleValue] = []
            for part in parts {
                guard let value = self.constant(part, depth: depth + 1) else { return nil }
                values.append(value)
            }
            return .tuple(values)
        default: return nil
        }
    }

    /// The names of the attributes of the object, or of an object within its state, in their order.
    package func attributeNames(at path: some Collection<RecordStep>) -> [String] {
        guard let place = try? self.place(at: path),
            case .attributes(let nodes)? = try? self.attributes(of: path.isEmpty ? nil : place, "")
        else { return [] }
        var names: [String] = []
        for entry in nodes.flatMap({ self.nodes[$0].entries }) {
            guard let key = entry.key, case .leaf(let value) = self[key].shape, let name = value?.asText,
                !names.contains(name)
            else { continue }
            names.append(name)
        }
        return names
    }

    /// The class or function that makes an object.
    package func callable(at place: Place) -> PickleGlobal? {
        guard case .object(let parts) = self[place].shape, let first = parts.first,
            case .leaf(.global(let name)?) = self[first].shape
        else { return nil }
        // The objects of old classes, and of others in protocols 0 and 1, are made by a function that is told the class.
        if name.name == "_reconstructor", parts.count > 1, case .tuple(let arguments) = self[parts[1]].shape,
            let made = arguments.first, case .leaf(.global(let name)?) = self[made].shape
        {
            return name
        }
        return name
    }
}

extension RecordOutline {
    /// The value at a place, as plain data.
    ///
    /// Throws for what contains itself, and for text that no Swift string can hold.
    package func value(at place: Place, in record: ByteBuffer) throws(FormatError) -> PickleValue {
        if case .leaf(let value?) = self[place].shape { return value }
        if let offset = self.unreadableText(in: place.node) {
            throw FormatError("object record", "text that is not valid UTF-8", at: offset)
        }
        // Where its last part has been put in it lies on top of the stack: there the pickle may as well end.
        guard var pickles = record.getSlice(at: record.readerIndex, length: self[place].end) else {
            throw FormatError("object record", "ends too early")
        }
        pickles.writeInteger(PickleOpcode.stop.rawValue)
        return try ObjectRecord(pickles, limits: PickleReader.Limits(), repairingText: true).state
    }

    /// Where the first text of a value ends that no Swift string can hold.
    private func unreadableText(in node: NodeID) -> Int? {
        let unreadable = self.nodes.contains { if case .leaf(nil) = $0.shape { true } else { false } }
        guard unreadable else { return nil }
        var seen: Set<NodeID> = [node]
        var next = [node]
        while let node = next.popLast() {
            if case .leaf(nil) = self.nodes[node].shape { return self.nodes[node].end }
            for part in self.nodes[node].parts where seen.insert(part.node).inserted { next.append(part.node) }
        }
        return nil
    }

    /// The record without the instructions that say how long its parts are.
    package func withoutFrames(_ record: ByteBuffer) -> ByteBuffer {
        self.frames.isEmpty ? record : self.applying([], to: record)
    }
}

extension RecordOutline.Node {
    /// Everything that the value is made of.
    private var shapeParts: [RecordOutline.Place] {
        switch self.shape {
        case .leaf, .list, .dict, .set: []
        case .tuple(let parts), .object(let parts): parts
        case .persistentID(let id): [id]
        }
    }

    /// Everything that the value is made of, with what it was filled with.
    fileprivate var parts: [RecordOutline.Place] {
        self.shapeParts + self.entries.flatMap { [$0.key, $0.value].compactMap(\.self) }
            + [self.state].compactMap(\.self)
    }
}
