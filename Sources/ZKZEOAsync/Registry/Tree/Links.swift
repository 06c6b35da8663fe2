//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// Symbolic links in the tree: a node's property `name ->` says where the child `name`, which does not exist, really is.
///
/// The rules are zc.zk's: `.` and `..` in a path mean what they mean in file systems, a node that exists wins over a link of
/// its name, a relative target is relative to the node that has the link, and a link may lead to another.
public enum Links {
    /// Where a path leads, with watches that fire when that may have changed.
    struct Resolution: Sendable {
        enum Target: Hashable, Sendable {
            case found(String)
            /// The path that was asked for, or one that a link led to, does not exist.
            case missing(String)
            /// The links that lead back to the first of them.
            case loop([String])
        }

        var target: Target
        var watches: [ZooKeeperWatch]
    }

    /// The path of the node that a path with links leads to.
    ///
    /// Throws ``ZooKeeperError``: `noNode`, `linkLoop`, or what reading the tree throws.
    public static func resolve(_ path: String, in session: ZooKeeperSession) async throws -> String {
        switch try await Self.follow(path, in: session, watching: false).target {
        case .found(let real): return real
        case .missing: throw ZooKeeperError(.noNode, path: path, rawCode: ZooKeeperError.noNodeCode)
        case .loop(let paths):
            throw ZooKeeperError(.linkLoop, path: path, message: paths.joined(separator: " -> "))
        }
    }

    /// Follows the links of a path. Throws only what reading the tree throws.
    static func follow(_ path: String, in session: ZooKeeperSession, watching: Bool) async throws -> Resolution {
        var reader = LinkReader(session: session, watching: watching)
        let target = try await reader.resolve(path, seen: [])
        return Resolution(target: target, watches: reader.watches)
    }

    /// A path without `.`, `..` and needless slashes. `..` at the root stays at the root.
    static func normalized(_ path: String) -> String {
        var parts: [Substring] = []
        for part in path.split(separator: "/") where part != "." {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
        return "/" + parts.joined(separator: "/")
    }

    /// The parent's path and the last name; nil for the root.
    static func split(_ path: String) -> (base: String, name: String)? {
        guard let slash = path.lastIndex(of: "/"), path.count > 1 else { return nil }
        let base = String(path[..<slash])
        return (base.isEmpty ? "/" : base, String(path[path.index(after: slash)...]))
    }

    /// A child's path.
    static func join(_ base: String, _ name: String) -> String { base == "/" ? "/" + name : base + "/" + name }
}

/// One walk along a path and its links.
private struct LinkReader {
    let session: ZooKeeperSession
    let watching: Bool
    var watches: [ZooKeeperWatch] = []

    init(session: ZooKeeperSession, watching: Bool) {
        self.session = session
        self.watching = watching
    }

    mutating func resolve(_ path: String, seen: [String]) async throws -> Links.Resolution.Target {
        let path = Links.normalized(path)
        if try await self.exists(path) { return .found(path) }
        if seen.contains(where: { $0.utf8.elementsEqual(path.utf8) }) { return .loop(seen + [path]) }
        guard let (base, name) = Links.split(path) else { return .missing(path) }
        let realBase: String
        switch try await self.resolve(base, seen: seen) {
        case .found(let found): realBase = found
        case let other: return other
        }
        let child = Links.join(realBase, name)
        if !child.utf8.elementsEqual(path.utf8), try await self.exists(child) { return .found(child) }
        guard let target = try await self.properties(realBase).link(name) else { return .missing(path) }
        return try await self.resolve(
            target.hasPrefix("/") ? target : Links.join(realBase, target),
            seen: seen + [path]
        )
    }

    private mutating func exists(_ path: String) async throws -> Bool {
        guard self.watching else { return try await self.session.exists(path) != nil }
        let (stat, watch) = try await self.session.existsWatching(path)
        // A node that is there is no reason to look again: whoever uses it watches it himself.
        if stat == nil { self.watches.append(watch) }
        return stat != nil
    }

    private mutating func properties(_ path: String) async throws -> NodeProperties {
        guard self.watching else { return NodeProperties(data: try await self.session.get(path).data) }
        do {
            let (data, _, watch) = try await self.session.getWatching(path)
            self.watches.append(watch)
            return NodeProperties(data: data)
        } catch let error as ZooKeeperError where error.code == .noNode {
            // Deleted since we saw it. Its `exists` is asked again, so that its return is noticed.
            return try await self.exists(path) ? try await self.properties(path) : NodeProperties()
        }
    }
}
