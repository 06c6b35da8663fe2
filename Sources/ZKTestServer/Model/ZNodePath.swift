//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// The path of a node, compared byte by byte: Swift's strings hold two spellings of an accented letter for equal, ZooKeeper does not.
///
/// Invariant: a path that is a key of the tree has passed `validate()`. Paths in requests are whatever the client sent.
struct ZNodePath: Hashable, Comparable, ExpressibleByStringLiteral, CustomStringConvertible {
    let text: String

    static let root: ZNodePath = "/"

    init(_ text: String) {
        self.text = text
    }

    init(stringLiteral value: String) {
        self.text = value
    }

    var description: String { self.text }

    static func == (left: Self, right: Self) -> Bool { left.text.utf8.elementsEqual(right.text.utf8) }

    static func < (left: Self, right: Self) -> Bool { left.text.utf8.lexicographicallyPrecedes(right.text.utf8) }

    func hash(into hasher: inout Hasher) {
        for byte in self.text.utf8 { hasher.combine(byte) }
    }

    /// What stands before the last slash, `/` for a child of the root; nil where there is no slash at all.
    var parent: ZNodePath? {
        guard let slash = self.text.utf8.lastIndex(of: UInt8(ascii: "/")) else { return nil }
        return slash == self.text.startIndex ? .root : ZNodePath(String(self.text[..<slash]))
    }

    /// What stands behind the last slash.
    var name: String {
        guard let slash = self.text.utf8.lastIndex(of: UInt8(ascii: "/")) else { return self.text }
        return String(self.text[self.text.utf8.index(after: slash)...])
    }

    /// This path and then those of its parents, up to the root.
    var withAncestors: [ZNodePath] {
        var paths = [self]
        while let last = paths.last, last != .root, let parent = last.parent { paths.append(parent) }
        return paths
    }

    func child(_ name: String) -> ZNodePath {
        ZNodePath(self == .root ? "/\(name)" : "\(self.text)/\(name)")
    }

    func hasPrefix(_ prefix: String) -> Bool { self.text.utf8.starts(with: prefix.utf8) }

    /// Whether a node may have this name: absolute, no empty or relative steps, no slash at the end, none of the characters that
    /// ZooKeeper refuses (control characters, private use, what UTF-16 writes as a surrogate pair).
    func validate() throws(ZooKeeperCode) {
        if self == .root { return }
        guard self.text.utf8.first == UInt8(ascii: "/") else { throw .badArguments }
        for step in self.text.utf8.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
            if step.isEmpty || step.elementsEqual(".".utf8) || step.elementsEqual("..".utf8) { throw .badArguments }
        }
        for scalar in self.text.unicodeScalars {
            switch scalar.value {
            case 0...0x1f, 0x7f...0x9f, 0xd800...0xf8ff, 0xfff0...: throw .badArguments
            default: break
            }
        }
    }

    /// Whether the text holds a NUL, the one fault that reading requests look for.
    var holdsNUL: Bool { self.text.utf8.contains(0) }
}
