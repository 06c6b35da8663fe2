//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Python objects as far as records of plain data have them, each with its identity.
///
/// Python's pickler writes what is the same object once and refers to it from then on, so that bytes depend on identity
/// and not on equality alone. Here an object is its place in the heap. Like Python, the heap has each very short string,
/// each class and each reference only once.
struct PythonHeap {
    /// A place in the heap.
    typealias Handle = Int

    enum Object {
        case none
        case bool(Bool)
        case int(Int)
        /// As in `PickleValue.bigInt`.
        case bigInt([UInt8])
        case float(Double)
        /// A `str` in UTF-8.
        case text(ByteBuffer)
        case bytes(ByteBuffer)
        case tuple([Handle])
        case list([Handle])
        /// Keys and values, alternating.
        case dict([Handle])
        case global(PickleGlobal)
        case reference(PythonReference)
        /// A function that makes bytes from text: how Python 3 writes bytes for Python 2.
        case encode
    }

    private enum Singleton: Hashable {
        case text(ByteBuffer)
        case bytes(ByteBuffer)
        case global(PickleGlobal)
        case reference(PythonReference.Key)
    }

    private var objects: [Object] = [.none, .bool(false), .bool(true)]
    private var singletons: [Singleton: Handle] = [:]

    static let none: Handle = 0
    static let `false`: Handle = 1
    static let `true`: Handle = 2

    subscript(handle: Handle) -> Object { self.objects[handle] }

    /// The number of objects.
    var count: Int { self.objects.count }

    mutating func add(_ object: Object) -> Handle {
        self.objects.append(object)
        return self.objects.count - 1
    }

    mutating func addInteger(_ value: PickleValue) -> Handle {
        switch value {
        case .int(let int): self.add(.int(int))
        case .bigInt(let bytes): self.add(.bigInt(bytes))
        default: preconditionFailure("no integer")
        }
    }

    /// Strings of one character of Latin-1, and the empty one, exist once in a Python process.
    mutating func addText(_ text: ByteBuffer) -> Handle {
        let isShort =
            switch text.readableBytes {
            case 0, 1: true
            case 2: (0xc2...0xc3).contains(text.getInteger(at: text.readerIndex, as: UInt8.self) ?? 0)
            default: false
            }
        return isShort ? self.once(.text(text), .text(text)) : self.add(.text(text))
    }

    /// Bytes of length one or none exist once in a Python process.
    mutating func addBytes(_ bytes: ByteBuffer) -> Handle {
        bytes.readableBytes < 2 ? self.once(.bytes(bytes), .bytes(bytes)) : self.add(.bytes(bytes))
    }

    mutating func addGlobal(_ global: PickleGlobal) -> Handle {
        let isEncode = global == PickleGlobal("_codecs", "encode")
        return self.once(.global(global), isEncode ? .encode : .global(global))
    }

    mutating func addReference(_ reference: PythonReference) -> Handle {
        self.once(.reference(reference.key), .reference(reference))
    }

    private mutating func once(_ singleton: Singleton, _ object: Object) -> Handle {
        if let known = self.singletons[singleton] { return known }
        let handle = self.add(object)
        self.singletons[singleton] = handle
        return handle
    }

    /// Puts elements into a list, or keys and values into a dictionary; `false` where there is nothing to put them into.
    mutating func fill(_ handle: Handle, with elements: some Collection<Handle>) -> Bool {
        switch self.objects[handle] {
        case .list(var list):
            self.objects[handle] = .none
            list += elements
            self.objects[handle] = .list(list)
            return true
        case .dict(var items):
            guard elements.count.isMultiple(of: 2) else { return false }
            self.objects[handle] = .none
            items += elements
            self.objects[handle] = .dict(items)
            return true
        default:
            return false
        }
    }
}
