//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Calls that are plain data in disguise; the list is in the documentation of `PickleReader`.
extension PickleMachine {
    /// Pushes what `callable(*arguments)` stands for: plain data where that is known, else an object.
    mutating func reduce(_ callable: PickleSlot, _ arguments: PickleSlot) throws(FormatError) {
        if case .value(let measured) = callable, case .global(let global) = measured.value,
            let slot = try self.plain(global, arguments)
        {
            return try self.push(slot)
        }
        try self.push(.reduced, [callable, arguments])
    }

    /// Pushes what `callable.__new__(callable, *arguments)` stands for.
    mutating func new(_ callable: PickleSlot, _ arguments: PickleSlot) throws(FormatError) {
        if case .value(let measured) = callable, case .global(Self.binary) = measured.value,
            let bytes = try self.bytes(arguments)
        {
            return try self.push(bytes)
        }
        try self.push(.new, [callable, arguments])
    }

    private static let binary = PickleGlobal("zodbpickle", "binary")

    private mutating func plain(_ global: PickleGlobal, _ arguments: PickleSlot) throws(FormatError) -> PickleSlot? {
        switch global.module {
        case "builtins", "__builtin__": return try self.builtin(global.name, arguments)
        case "_codecs" where global.name == "encode": return try self.latin1(arguments).map(Self.leaf)
        case "zodbpickle" where global.name == "binary": return try self.bytes(arguments)
        case "copyreg" where global.name == "_reconstructor", "copy_reg" where global.name == "_reconstructor":
            guard let (_, elements) = self.values(arguments), elements.count == 3,
                elements[0] == .global(Self.binary), case .bytes(let bytes) = elements[2]
            else { return nil }
            return Self.leaf(bytes)
        default: return nil
        }
    }

    private mutating func builtin(_ name: String, _ arguments: PickleSlot) throws(FormatError) -> PickleSlot? {
        switch name {
        case "bytes": return self.isEmpty(arguments) ? Self.leaf(ByteBuffer()) : try self.bytes(arguments)
        case "bytearray":
            if self.isEmpty(arguments) { return .leaf(.byteArray(ByteBuffer())) }
            guard case .value(let measured)? = try self.bytes(arguments), case .bytes(let bytes) = measured.value else {
                return nil
            }
            return .leaf(.byteArray(bytes), length: bytes.readableBytes)
        case "list": return try self.collection(.list, arguments)
        case "tuple": return try self.collection(.tuple, arguments)
        case "set": return try self.collection(.set, arguments)
        case "frozenset": return try self.collection(.frozenSet, arguments)
        case "dict": return try self.dictionary(arguments)
        case "getattr":
            guard let (_, elements) = self.values(arguments), elements.count == 2,
                case .global(let outer) = elements[0], case .string(let inner) = elements[1]
            else { return nil }
            let name = outer.name + "." + inner
            try self.charge(copied: name.utf8.count)
            return .leaf(.global(PickleGlobal(outer.module, name)), length: name.utf8.count)
        default: return nil
        }
    }

    // MARK: Results

    private static func leaf(_ bytes: ByteBuffer) -> PickleSlot { .leaf(.bytes(bytes), length: bytes.readableBytes) }

    /// Bytes from one argument that is bytes, or from text and the name of its encoding.
    private mutating func bytes(_ arguments: PickleSlot) throws(FormatError) -> PickleSlot? {
        guard let (_, elements) = self.values(arguments) else { return nil }
        if elements.count == 1, case .bytes(let bytes) = elements[0] { return Self.leaf(bytes) }
        return try self.latin1(arguments).map(Self.leaf)
    }

    private mutating func latin1(_ arguments: PickleSlot) throws(FormatError) -> ByteBuffer? {
        guard let (_, elements) = self.values(arguments), elements.count == 2, case .string(let text) = elements[0]
        else { return nil }
        switch elements[1] {
        case .string("latin1"), .string("latin-1"): break
        // Python 2 pickled the name as bytes.
        case .bytes(ByteBuffer(string: "latin1")), .bytes(ByteBuffer(string: "latin-1")): break
        default: return nil
        }
        try self.charge(copied: text.utf8.count)
        var bytes = ByteBuffer()
        bytes.reserveCapacity(text.utf8.count)
        for scalar in text.unicodeScalars {
            guard let byte = UInt8(exactly: scalar.value) else { return nil }
            bytes.writeInteger(byte)
        }
        return bytes
    }

    private mutating func collection(
        _ shape: PickleGraph.Shape,
        _ arguments: PickleSlot
    ) throws(FormatError) -> PickleSlot? {
        if self.isEmpty(arguments) { return self.graph.add(PickleGraph.Node(shape: shape)) }
        guard let argument = self.single(arguments), let slots = try self.elements(argument) else { return nil }
        return self.graph.add(PickleGraph.Node(shape: shape, slots: slots))
    }

    private mutating func dictionary(_ arguments: PickleSlot) throws(FormatError) -> PickleSlot? {
        if self.isEmpty(arguments) { return self.graph.add(PickleGraph.Node(shape: .dict)) }
        guard let argument = self.single(arguments) else { return nil }
        var items: [PickleSlot] = []
        if case .node(let index) = argument, case .dict = self.graph.nodes[index].shape {
            items = self.graph.nodes[index].itemSlots
            try self.charge(items.count)
        } else {
            guard let pairs = try self.elements(argument) else { return nil }
            for pair in pairs {
                guard let item = try self.elements(pair), item.count == 2 else { return nil }
                items += item
            }
        }
        return self.graph.add(PickleGraph.Node(shape: .dict, itemSlots: items))
    }

    // MARK: Arguments

    private func isEmpty(_ arguments: PickleSlot) -> Bool {
        guard case .value(let measured) = arguments else { return false }
        return measured.value == .tuple([])
    }

    private func values(_ arguments: PickleSlot) -> (PickleMeasuredValue, [PickleValue])? {
        guard case .value(let measured) = arguments, case .tuple(let elements) = measured.value else { return nil }
        return (measured, elements)
    }

    private func single(_ arguments: PickleSlot) -> PickleSlot? {
        switch arguments {
        case .value(var measured):
            guard case .tuple(let elements) = measured.value, elements.count == 1 else { return nil }
            measured.value = elements[0]
            measured.weight -= 1
            measured.depth -= 1
            return .value(measured)
        case .node(let index):
            let node = self.graph.nodes[index]
            guard case .tuple = node.shape, node.slots.count == 1 else { return nil }
            return node.slots[0]
        }
    }

    /// What iterating over a container gives, as of now: the call copies it. What is copied counts as made anew.
    private mutating func elements(_ container: PickleSlot) throws(FormatError) -> [PickleSlot]? {
        switch container {
        case .value(let measured):
            switch measured.value {
            case .tuple(let elements), .frozenSet(let elements):
                try self.charge(Int(measured.weight))
                return elements.map { .value(PickleMeasuredValue(measuring: $0)) }
            default: return nil
            }
        case .node(let index):
            switch self.graph.nodes[index].shape {
            case .list, .tuple, .set, .frozenSet:
                try self.charge(self.graph.nodes[index].slots.count)
                return self.graph.nodes[index].slots
            default: return nil
            }
        }
    }
}
