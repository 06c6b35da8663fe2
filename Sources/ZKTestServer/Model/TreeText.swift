//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// The tree as `zc.zk` prints it: `/name : type`, then properties and links, then the children, each level two spaces further in.
enum TreeText {
    /// The text of the node at `path` and all below it; empty where there is none. `/zookeeper` is left out, as everywhere.
    static func text(of tree: ZNodeTree, at path: ZNodePath) -> String {
        var lines: [String] = []
        if path == .root {
            for child in tree[.root]?.children.sorted() ?? [] where child != "/zookeeper" {
                Self.append(child, of: tree, indented: "", to: &lines)
            }
        } else {
            Self.append(path, of: tree, indented: "", to: &lines)
        }
        return lines.map { $0 + "\n" }.joined()
    }

    private static func append(
        _ path: ZNodePath,
        of tree: ZNodeTree,
        indented indent: String,
        to lines: inout [String]
    ) {
        guard let node = tree[path] else { return }
        var properties = Self.properties(in: node.data ?? [])
        var name = path.name
        switch properties.removeValue(forKey: "type") {
        case nil, .null, .bool(false), .string(""): break
        case .string(let type): name += " : " + type
        case let other?: name += " : " + other.pythonText
        }
        lines.append("\(indent)/\(name)")
        let inner = indent + "  "
        let sorted = properties.sorted { $0.key.unicodeScalars.lexicographicallyPrecedes($1.key.unicodeScalars) }
        for (key, value) in sorted where !key.hasSuffix(" ->") {
            lines.append("\(inner)\(key) = \(value.pythonText)")
        }
        for (key, value) in sorted where key.hasSuffix(" ->") {
            if case .string(let target) = value {
                lines.append("\(inner)\(key) \(target)")
            } else {
                lines.append("\(inner)\(key) \(value.pythonText)")
            }
        }
        for child in node.children.sorted() { Self.append(child, of: tree, indented: inner, to: &lines) }
    }

    /// A JSON object is properties; anything else is one property, a text.
    private static func properties(in data: [UInt8]) -> [String: JSONText] {
        let text = String(decoding: data, as: UTF8.self)
        if text.allSatisfy(\.isWhitespace) { return [:] }
        if case .object(let properties)? = JSONText(parsing: text) { return properties }
        return ["string_value": .string(text)]
    }
}
