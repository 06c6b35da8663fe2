//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import OrderedCollections
import ZODBFormat
import ZODBStorage

/// Writing what is different, and nothing else.
extension OpaqueObject {
    typealias Items = OrderedDictionary<PersistentValue, PersistentValue>

    /// Writes the attributes that differ from earlier ones.
    ///
    /// - Parameter fixed: The names of attributes that the object was made with, which stay for ever.
    func write(_ new: Items, insteadOf old: Items, _ fixed: [String]) throws {
        for name in fixed where new[.string(name)] != old[.string(name)] {
            throw StorageError(.invalidArgument, "'\(name)' is said when the object is made, and stays", oid: self.oid)
        }
        for (key, value) in new {
            guard let name = key.string, old[key] != value else { continue }
            try self.write(value, insteadOf: old[key], at: [.attribute(name)])
        }
    }

    private func write(_ new: PersistentValue, insteadOf old: PersistentValue?, at path: [RecordStep]) throws {
        guard new != old else { return }
        let place = try self.inspect(path) { outline in
            try outline.place(at: path).map { (outline[$0].shape, hasState: outline[$0].state != nil) }
        }
        switch (old, new) {
        case (.list(let old)?, .list(let new)):
            if case .list? = place?.0 { return try self.write(new, insteadOf: old, at: path) }
        case (.dictionary(let old)?, .dictionary(let new)):
            switch place?.0 {
            case .object?: return try self.write(new, insteadOf: old, at: path) { .attribute($0.string ?? "") }
            case .dict?: return try self.write(new, insteadOf: old, at: path) { .item($0.pickle) }
            default: break
            }
        case (.opaque(.object(let old))?, .opaque(.object(let new))):
            guard old.callable == new.callable, old.arguments == new.arguments, place?.hasState == true,
                case .dictionary(let old)? = old.state.map({ PersistentValue($0) }),
                case .dictionary(let new)? = new.state.map({ PersistentValue($0) })
            else { break }
            return try self.write(new, insteadOf: old, at: path) { .attribute($0.string ?? "") }
        default: break
        }
        if case .object? = place?.0, case .dictionary = new {
            let name = DynamicValue.description(of: path, in: self)
            throw StorageError(.invalidArgument, "\(name) is an object, and would become a dictionary", oid: self.oid)
        }
        try self.set(path, to: new.formed(like: try? self.value(at: path)))
    }

    private func write(
        _ new: Items,
        insteadOf old: Items,
        at path: [RecordStep],
        _ step: (PersistentValue) -> RecordStep
    ) throws {
        for (key, value) in new { try self.write(value, insteadOf: old[key], at: path + [step(key)]) }
        for key in old.keys where new[key] == nil { try self.remove(path + [step(key)]) }
    }

    /// Elements change in their places; others are added and removed at the end.
    private func write(_ new: [PersistentValue], insteadOf old: [PersistentValue], at path: [RecordStep]) throws {
        for index in 0..<min(new.count, old.count) {
            try self.write(new[index], insteadOf: old[index], at: path + [.item(.int(index))])
        }
        for index in (new.count..<max(new.count, old.count)).reversed() { try self.remove(path + [.item(.int(index))]) }
        for value in new.dropFirst(old.count) { try self.append(value, at: path) }
    }
}

extension PersistentValue {
    /// The value in the form that the one before it had, where Swift has one form for several of Python.
    fileprivate func formed(like old: PersistentValue?) -> PersistentValue {
        switch (self, old) {
        case (.list(let elements), .tuple?): .tuple(elements)
        case (.list(let elements), .set?): .set(Set(elements))
        case (.list(let elements), .frozenSet?): .frozenSet(Set(elements))
        case (.set(let elements), .frozenSet?): .frozenSet(elements)
        case (.set(let elements), .list?): .list(Array(elements))
        case (.string(let text), .bytes?): .bytes(.init(string: text))
        default: self
        }
    }
}
