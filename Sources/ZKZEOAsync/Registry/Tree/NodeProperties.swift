//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import FoundationEssentials

/// The properties of a node: a JSON object in its data.
///
/// Data that is no JSON object is the one property `string_value`, as zc.zk has it; no data is no properties.
public struct NodeProperties: Hashable, Sendable, ExpressibleByDictionaryLiteral {
    /// The properties by name.
    public var values: [String: JSONValue]

    /// Makes properties.
    public init(_ values: [String: JSONValue] = [:]) { self.values = values }

    public init(dictionaryLiteral elements: (String, JSONValue)...) {
        self.values = Dictionary(elements) { _, last in last }
    }

    /// Reads a node's data. Never fails: what is no JSON object is a string.
    public init(data: [UInt8]?) {
        let text = String(decoding: data ?? [], as: UTF8.self)
        let trimmed = text.drop(while: \.isWhitespace)
        if trimmed.isEmpty {
            self.values = [:]
        } else if trimmed.hasPrefix("{"),
            let values = try? JSONDecoder().decode([String: JSONValue].self, from: Data(text.utf8))
        {
            self.values = values
        } else {
            self.values = ["string_value": .string(text)]
        }
    }

    /// The node's data: JSON with sorted keys, or the bare string where that is all there is.
    public var data: [UInt8] {
        if self.values.count == 1, case .string(let text)? = self.values["string_value"] { return Array(text.utf8) }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Nothing in a `JSONValue` can fail to be encoded but numbers that JSON does not have, and `JSONValue` encodes
        // those as null.
        return (try? encoder.encode(self.values)).map(Array.init) ?? Array("{}".utf8)
    }

    /// A property.
    public subscript(name: String) -> JSONValue? {
        get { self.values[name] }
        set { self.values[name] = newValue }
    }

    /// The process that the node speaks of.
    public var pid: Int32? {
        get { self["pid"]?.integer.flatMap { Int32(exactly: $0) } }
        set { self["pid"] = newValue.map { .integer(Int64($0)) } }
    }

    /// Where a link of that name (`name ->`) points.
    public func link(_ name: String) -> String? {
        guard case .string(let target)? = self[name + " ->"], !target.isEmpty else { return nil }
        return target
    }
}
