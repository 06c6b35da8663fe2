//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import ZODBFormat

/// Reads messages that are pickles, and lets nothing in but plain data.
///
/// Python's server allows a client a few harmless globals. They are understood here as the plain values that they
/// would make, without calling anything; every other global is refused.
struct PickleMarshal {
    func read(_ body: ByteBuffer) throws(FormatError) -> PickleValue {
        var body = body
        let value = try PickleReader().read(from: &body)
        guard body.readableBytes == 0 else { throw FormatError("pickle", "bytes follow the value") }
        return self.isPlain(value) ? value : try self.plain(value)
    }

    private func isPlain(_ value: PickleValue) -> Bool {
        switch value {
        case .none, .bool, .int, .bigInt, .float, .string, .bytes, .byteArray: true
        case .tuple(let elements), .list(let elements), .set(let elements), .frozenSet(let elements):
            elements.allSatisfy(self.isPlain)
        case .dict(let items): items.allSatisfy { self.isPlain($0.key) && self.isPlain($0.value) }
        case .global, .persistentID, .object: false
        }
    }

    private func plain(_ value: PickleValue) throws(FormatError) -> PickleValue {
        switch value {
        case .tuple(let elements): return .tuple(try self.plain(elements))
        case .list(let elements): return .list(try self.plain(elements))
        case .set(let elements): return .set(try self.plain(elements))
        case .frozenSet(let elements): return .frozenSet(try self.plain(elements))
        case .dict(let items): return .dict(try self.plain(items))
        case .global(let global): throw FormatError("message", "the global \(global) is not allowed")
        case .persistentID: throw FormatError("message", "persistent references are not allowed")
        case .object(let object): return try self.plain(object)
        default: return value
        }
    }

    private func plain(_ values: [PickleValue]) throws(FormatError) -> [PickleValue] {
        var result: [PickleValue] = []
        for value in values { result.append(try self.plain(value)) }
        return result
    }

    private func plain(_ items: [PickleItem]) throws(FormatError) -> [PickleItem] {
        var result: [PickleItem] = []
        for item in items { result.append(PickleItem(try self.plain(item.key), try self.plain(item.value))) }
        return result
    }

    private func plain(_ object: PickleObject) throws(FormatError) -> PickleValue {
        guard case .global(let global) = object.callable else {
            throw FormatError("message", "only globals may be called")
        }
        let refused = FormatError("message", "a call of \(global) is not allowed")
        guard object.construction == .reduce || object.construction == .new, object.state == nil,
            case .tuple(let rawArguments) = object.arguments, rawArguments.count <= 2
        else { throw refused }
        let arguments = try self.plain(rawArguments)
        let elements = arguments.first.map { $0.wireElements } ?? .some([])
        switch (global.module, global.name) {
        case ("builtins", "dict"), ("__builtin__", "dict"):
            guard object.listItems.isEmpty else { throw refused }
            let start = arguments.first.map { $0.wireItems } ?? .some([])
            guard let start else { throw refused }
            return .dict(start + (try self.plain(object.dictItems)))
        case ("builtins", "list"), ("__builtin__", "list"):
            guard object.dictItems.isEmpty, let elements else { throw refused }
            return .list(elements + (try self.plain(object.listItems)))
        case _ where !object.listItems.isEmpty || !object.dictItems.isEmpty:
            throw refused
        case ("builtins", "tuple"), ("__builtin__", "tuple"):
            guard let elements else { throw refused }
            return .tuple(elements)
        case ("builtins", "set"), ("__builtin__", "set"):
            guard let elements else { throw refused }
            return .set(elements)
        case ("builtins", "frozenset"), ("__builtin__", "frozenset"):
            guard let elements else { throw refused }
            return .frozenSet(elements)
        case ("builtins", "bytes"), ("__builtin__", "bytes"), ("zodbpickle", "binary"):
            guard let bytes = arguments.isEmpty ? ByteBuffer() : arguments[0].wireBytes else { throw refused }
            return .bytes(bytes)
        default:
            throw refused
        }
    }
}
