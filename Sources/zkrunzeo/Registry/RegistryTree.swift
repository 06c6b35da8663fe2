//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ZKZEOAsync

/// A part of the registry as text, in the form in which zc.zk prints trees and reads them again.
struct RegistryTree {
    let session: ZooKeeperSession
    /// Whether nodes that live with a session are shown: running servers.
    let withEphemerals: Bool

    /// The largest number of nodes that are printed.
    static let maximumNodes = 100_000

    /// The text of the node at `path` and all below it. `/zookeeper`, which is the service's own, is left out.
    ///
    /// Throws `ZooKeeperError`; a node that goes away meanwhile is left out.
    func text(at path: String) async throws -> String {
        let path = try await Links.resolve(path, in: self.session)
        var lines: [String] = []
        // Depth first, without recursion: trees may be deep.
        var waiting: [(path: String, name: String, indent: String)] = []
        if path == "/" {
            waiting = try await self.children(of: "/", indent: "").filter { $0.path != "/zookeeper" }
        } else {
            guard try await self.session.exists(path) != nil else {
                throw ZooKeeperError(.noNode, path: path)
            }
            waiting = [(path, path.split(separator: "/").last.map(String.init) ?? "", "")]
        }
        var count = 0
        while let node = waiting.popLast() {
            count += 1
            guard count <= Self.maximumNodes else {
                lines.append("(and more than \(Self.maximumNodes) nodes)")
                break
            }
            do {
                let (data, stat) = try await self.session.get(node.path)
                if stat.ephemeralOwner != 0, !self.withEphemerals { continue }
                lines += Self.lines(node.name, NodeProperties(data: data), indent: node.indent)
                waiting += try await self.children(of: node.path, indent: node.indent + "  ")
            } catch let error as ZooKeeperError where error.code == .noNode {
                continue
            }
        }
        return lines.map { $0 + "\n" }.joined()
    }

    /// The children of a node, the one that is to be printed first last.
    private func children(
        of path: String,
        indent: String
    ) async throws -> [(path: String, name: String, indent: String)] {
        try await self.session.children(path).names
            .sorted { $1.unicodeScalars.lexicographicallyPrecedes($0.unicodeScalars) }
            .map { (path == "/" ? "/" + $0 : path + "/" + $0, $0, indent) }
    }

    /// A node's name and type, its properties and then its links, each sorted.
    static func lines(_ name: String, _ properties: NodeProperties, indent: String) -> [String] {
        var values = properties.values
        var title = "\(indent)/\(name)"
        switch values.removeValue(forKey: "type") {
        case nil, .null, .bool(false), .integer(0), .string(""): break
        case .string(let type): title += " : \(type)"
        case let other?: title += " : \(PythonText.python2(other))"
        }
        let sorted = values.sorted { $0.key.unicodeScalars.lexicographicallyPrecedes($1.key.unicodeScalars) }
        let inner = indent + "  "
        return [title]
            + sorted.filter { !$0.key.hasSuffix(" ->") }.map { "\(inner)\($0.key) = \(PythonText.python2($0.value))" }
            + sorted.filter { $0.key.hasSuffix(" ->") }.map { key, value in
                if case .string(let target) = value { return "\(inner)\(key) \(target)" }
                return "\(inner)\(key) \(PythonText.python2(value))"
            }
    }
}
