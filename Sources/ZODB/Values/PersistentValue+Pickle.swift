//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import OrderedCollections
import ZODBFormat

extension PersistentValue {
    /// What a pickle says. `reference` says what a persistent id means.
    init(
        _ pickle: PickleValue,
        reference: (PickleValue) -> PersistentReference = PersistentReference.init(persistentID:)
    ) {
        switch pickle {
        case .none: self = .null
        case .bool(let value): self = .bool(value)
        case .int(let value): self = .int(value)
        case .bigInt(let bytes): self = .bigInteger(BigInteger(twosComplement: bytes))
        case .float(let value): self = .double(value)
        case .string(let value): self = .string(value)
        case .bytes(let value): self = .bytes(value)
        case .tuple(let values): self = .tuple(values.map { PersistentValue($0, reference: reference) })
        case .list(let values): self = .list(values.map { PersistentValue($0, reference: reference) })
        case .set(let values):
            self = Set(pickled: values, reference: reference).map(PersistentValue.set) ?? .opaque(pickle)
        case .frozenSet(let values):
            self = Set(pickled: values, reference: reference).map(PersistentValue.frozenSet) ?? .opaque(pickle)
        case .dict(let items):
            // What would lose an item stays as it is.
            self =
                OrderedDictionary(pickled: items, reference: reference).map(PersistentValue.dictionary)
                ?? .opaque(pickle)
        case .persistentID(let id): self = .reference(reference(id))
        case .byteArray, .global, .object: self = .opaque(pickle)
        }
    }

    /// How the value is pickled. Objects that it refers to must have identifiers.
    var pickle: PickleValue { self.pickle { $0.persistentID } }

    /// How the value is pickled. `persistentID` says what stands for a reference.
    func pickle(persistentID: (PersistentReference) -> PickleValue) -> PickleValue {
        switch self {
        case .null: .none
        case .bool(let value): .bool(value)
        case .int(let value): .int(value)
        case .bigInteger(let value): value.pickle
        case .double(let value): .float(value)
        case .string(let value): .string(value)
        case .bytes(let value): .bytes(value)
        case .tuple(let values): .tuple(values.map { $0.pickle(persistentID: persistentID) })
        case .list(let values): .list(values.map { $0.pickle(persistentID: persistentID) })
        case .set(let values): .set(values.map { $0.pickle(persistentID: persistentID) })
        case .frozenSet(let values): .frozenSet(values.map { $0.pickle(persistentID: persistentID) })
        case .dictionary(let items):
            .dict(
                items.map {
                    PickleItem($0.key.pickle(persistentID: persistentID), $0.value.pickle(persistentID: persistentID))
                }
            )
        case .reference(let reference): .persistentID(persistentID(reference))
        case .opaque(let pickle): pickle
        }
    }

    /// Calls `body` with every reference in the value.
    func forEachReference(_ body: (PersistentReference) -> Void) {
        switch self {
        case .reference(let reference): body(reference)
        case .list(let values), .tuple(let values): for value in values { value.forEachReference(body) }
        case .set(let values), .frozenSet(let values): for value in values { value.forEachReference(body) }
        case .dictionary(let items):
            for (key, value) in items {
                key.forEachReference(body)
                value.forEachReference(body)
            }
        default: break
        }
    }
}

extension OrderedDictionary<PersistentValue, PersistentValue> {
    /// The items of a pickled dictionary; `nil` when keys are equal, as two objects can be that Python tells apart.
    init?(
        pickled items: [PickleItem],
        reference: (PickleValue) -> PersistentReference = PersistentReference.init(persistentID:)
    ) {
        self.init(minimumCapacity: items.count)
        for item in items {
            let value = PersistentValue(item.value, reference: reference)
            guard self.updateValue(value, forKey: PersistentValue(item.key, reference: reference)) == nil else {
                return nil
            }
        }
    }

    /// The items as a pickle has them.
    var pickled: [PickleItem] {
        self.map { PickleItem($0.key.pickle, $0.value.pickle) }
    }
}

extension Set<PersistentValue> {
    /// The elements of a pickled set; `nil` when some are equal, as two objects can be that Python tells apart.
    fileprivate init?(pickled values: [PickleValue], reference: (PickleValue) -> PersistentReference) {
        self.init(minimumCapacity: values.count)
        for value in values {
            guard self.insert(PersistentValue(value, reference: reference)).inserted else { return nil }
        }
    }
}

extension BigInteger {
    /// How the integer is pickled: as a machine integer where it fits.
    fileprivate var pickle: PickleValue {
        guard self.bytes.count <= 8 else { return .bigInt(self.bytes) }
        let fill: UInt64 = self.isNegative ? .max : 0
        let value = self.bytes.reversed().reduce(fill) { $0 << 8 | UInt64($1) }
        return .int(Int(bitPattern: UInt(value)))
    }
}

extension ObjectID {
    /// The eight bytes.
    var bytes: ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeIdentifier(self)
        return buffer
    }
}
