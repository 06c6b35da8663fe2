//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// A reference to a persistent object as it stands in a record, of which merging knows no more than what it refers to.
struct PythonReference {
    /// What makes two references one object to Python's conflict resolution: their data.
    enum Key: Hashable {
        case bare(ByteBuffer, isText: Bool)
        case parts([Part])

        enum Part: Hashable {
            case none
            case text(ByteBuffer)
            case bytes(ByteBuffer)
            case global(PickleGlobal)
            indirect case tuple([Part])
        }
    }

    /// What the pickler writes.
    let data: PythonHeap.Handle
    let key: Key
    private let oid: ByteBuffer
    private let database: ByteBuffer?
    private let isWeak: Bool

    /// Whether both certainly refer to the same object. Of others nothing can be said, not even that they are different:
    /// the application may have made them equal.
    func isSame(as other: PythonReference) -> Bool {
        !self.isWeak && !other.isWeak && self.oid == other.oid && self.database == other.database
    }

    /// The reference that `data` is, in any of the forms that ZODB writes.
    init(_ data: PythonHeap.Handle, in heap: PythonHeap) throws(MergeRefusal) {
        self.data = data
        switch heap[data] {
        case .bytes(let bytes):
            self.key = .bare(bytes, isText: false)
            (self.oid, self.database, self.isWeak) = (bytes, nil, false)
        case .text(let text):
            self.key = .bare(text, isText: true)
            (self.oid, self.database, self.isWeak) = (try Self.oid(.text(text)), nil, false)
        case .tuple(let handles):
            let parts = try Self.parts(handles, in: heap)
            guard parts.count == 2, Self.isClass(parts[1]) else { throw Self.unknown }
            self.key = .parts(parts)
            (self.oid, self.database, self.isWeak) = (try Self.oid(parts[0]), nil, false)
        case .list(let handles):
            let parts = try Self.parts(handles, in: heap)
            self.key = .parts(parts)
            (self.oid, self.database, self.isWeak) = try Self.extended(parts)
        default:
            throw Self.unknown
        }
    }

    private static let unknown = MergeRefusal.unexpectedState("a reference of an unknown form")

    private static func parts(
        _ handles: [PythonHeap.Handle],
        in heap: PythonHeap,
        depth: Int = 0
    ) throws(MergeRefusal) -> [Key.Part] {
        guard handles.count <= 3, depth <= 2 else { throw self.unknown }
        var parts: [Key.Part] = []
        for handle in handles {
            switch heap[handle] {
            case .none: parts.append(.none)
            case .text(let text): parts.append(.text(text))
            case .bytes(let bytes): parts.append(.bytes(bytes))
            case .global(let global): parts.append(.global(global))
            case .tuple(let handles): parts.append(.tuple(try self.parts(handles, in: heap, depth: depth + 1)))
            default: throw self.unknown
            }
        }
        return parts
    }

    private static func extended(
        _ parts: [Key.Part]
    ) throws(MergeRefusal) -> (oid: ByteBuffer, database: ByteBuffer?, isWeak: Bool) {
        if parts.count == 1 { return (try self.oid(parts[0]), nil, true) }
        guard parts.count == 2, case .text(let kind) = parts[0], case .tuple(let arguments) = parts[1] else {
            throw self.unknown
        }
        switch (String(buffer: kind), arguments.count) {
        case ("w", 1):
            return (try self.oid(arguments[0]), nil, true)
        case ("w", 2):
            guard case .text(let database) = arguments[1] else { throw self.unknown }
            return (try self.oid(arguments[0]), database, true)
        case ("n", 2), ("m", 3):
            guard case .text(let database) = arguments[0], arguments.count == 2 || self.isClass(arguments[2]) else {
                throw self.unknown
            }
            return (try self.oid(arguments[1]), database, false)
        default:
            throw self.unknown
        }
    }

    /// Oids are bytes; what Python 2 wrote is text where it is ASCII.
    private static func oid(_ part: Key.Part) throws(MergeRefusal) -> ByteBuffer {
        switch part {
        case .bytes(let bytes): return bytes
        case .text(let text) where text.readableBytesView.allSatisfy { $0 < 0x80 }: return text
        default: throw self.unknown
        }
    }

    /// A class, or its module and name where the class could not be imported when the record was written.
    private static func isClass(_ part: Key.Part) -> Bool {
        switch part {
        case .none, .global: return true
        case .tuple(let names):
            guard names.count == 2, case .text = names[0], case .text = names[1] else { return false }
            return true
        default: return false
        }
    }
}
