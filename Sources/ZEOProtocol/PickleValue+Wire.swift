//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import ZODBFormat

// How arguments and results appear among plain values, and what Python's peers accept for them.
extension PickleValue {
    /// The eight bytes of an object identifier.
    var wireOID: ObjectID? {
        guard case .bytes(let data) = self, data.readableBytes == 8 else { return nil }
        return data.getIdentifier(at: data.readerIndex)
    }

    /// The eight bytes of a transaction identifier. `None` and a text of eight NULs, which some clients send for "no
    /// transaction", mean zero.
    var wireTID: TransactionID? {
        switch self {
        case .bytes(let data) where data.readableBytes == 8: data.getIdentifier(at: data.readerIndex)
        case .none: .zero
        case .string(let text) where text.utf8.elementsEqual(repeatElement(0, count: 8)): .zero
        default: nil
        }
    }

    var wireBytes: ByteBuffer? {
        switch self {
        case .bytes(let data), .byteArray(let data): data
        default: nil
        }
    }

    /// Bytes, or a text as UTF-8.
    var wireBytesOrText: ByteBuffer? {
        if case .string(let text) = self { return ByteBuffer(string: text) }
        return self.wireBytes
    }

    /// A text, or bytes that are UTF-8.
    var wireText: String? {
        switch self {
        case .string(let text): text
        case .bytes(let data): String(validating: data.readableBytesView, as: UTF8.self)
        default: nil
        }
    }

    var wireInteger: Int? {
        switch self {
        case .int(let value): value
        case .bool(let value): value ? 1 : 0
        default: nil
        }
    }

    var wireTruth: Bool? {
        switch self {
        case .bool(let value): value
        case .int(let value): value != 0
        case .none: false
        default: nil
        }
    }

    /// The elements of a tuple or a list; the formats do not agree on which is which.
    var wireElements: [PickleValue]? {
        switch self {
        case .tuple(let elements), .list(let elements), .set(let elements), .frozenSet(let elements): elements
        default: nil
        }
    }

    var wireItems: [PickleItem]? {
        if case .dict(let items) = self { return items }
        return nil
    }

    /// All elements as object identifiers.
    var wireOIDs: [ObjectID]? {
        guard let elements = self.wireElements else { return nil }
        var oids: [ObjectID] = []
        oids.reserveCapacity(elements.count)
        for element in elements {
            guard let oid = element.wireOID else { return nil }
            oids.append(oid)
        }
        return oids
    }

    static func wire(_ identifier: some EightByteIdentifier) -> PickleValue {
        .bytes(ByteBuffer(integer: identifier.rawValue))
    }

    /// Eight bytes, or `None`.
    static func wire(_ identifier: (some EightByteIdentifier)?) -> PickleValue {
        identifier.map { .wire($0) } ?? .none
    }

    static func wire(_ items: KeyValuePairs<String, PickleValue>) -> PickleValue {
        .dict(items.map { PickleItem(.string($0.key), $0.value) })
    }
}

extension [PickleItem] {
    /// The value that counts for a text as key: the last one.
    subscript(wire key: String) -> PickleValue? {
        self.last { $0.key.wireText == key }?.value
    }
}
