//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import OrderedCollections
import ZODBFormat

extension PersistentValue {
    /// The attributes of an object, or the items of a dictionary whose keys are text; `nil` for anything else.
    ///
    /// - Parameter names: Which attributes the arguments of the call are that makes the object.
    func attributes(_ names: [String] = []) -> [String: PersistentValue]? {
        switch self {
        case .dictionary(let items): return items.attributes
        case .opaque(.object(let object)):
            var attributes: [String: PersistentValue] = [:]
            if case .tuple(let arguments) = object.arguments {
                for (name, argument) in zip(names, arguments) { attributes[name] = PersistentValue(argument) }
            }
            guard let state = object.state else { return attributes }
            switch PersistentValue(state) {
            case .dictionary(let items): attributes.merge(items.attributes) { $1 }
            case .tuple(let parts) where parts.count == 2:
                // What `copyreg` makes of objects with slots.
                for case .dictionary(let items) in parts { attributes.merge(items.attributes) { $1 } }
            default: return nil
            }
            return attributes
        default: return nil
        }
    }

    /// The text of a string, or of bytes that are UTF-8, as Python 2 wrote it.
    var text: String? { self.string ?? self.bytes.flatMap { PickleValue.bytes($0).asText } }

    /// What kind of value it is, for messages.
    var kind: String {
        switch self {
        case .null: "None"
        case .bool: "a truth value"
        case .int, .bigInteger: "an integer"
        case .double: "a float"
        case .string: "text"
        case .bytes: "bytes"
        case .list: "a list"
        case .tuple: "a tuple"
        case .set, .frozenSet: "a set"
        case .dictionary: "a dictionary"
        case .reference: "a reference"
        case .opaque(.object(let object)):
            if case .global(let name) = object.callable { "a \(name)" } else { "an object" }
        case .opaque: "another object"
        }
    }
}

extension OrderedDictionary<PersistentValue, PersistentValue> {
    fileprivate var attributes: [String: PersistentValue] {
        var attributes: [String: PersistentValue] = [:]
        for (key, value) in self { if let name = key.text { attributes[name] = value } }
        return attributes
    }
}
