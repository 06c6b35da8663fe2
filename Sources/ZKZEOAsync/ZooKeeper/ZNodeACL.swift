//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// One entry of a node's access control list: who may do what.
public struct ZNodeACL: Hashable, Sendable {
    /// What somebody may do with a node.
    public struct Permissions: OptionSet, Hashable, Sendable {
        public var rawValue: Int32

        public init(rawValue: Int32) { self.rawValue = rawValue }

        /// Read the data and list the children.
        public static let read = Permissions(rawValue: 1)
        /// Change the data.
        public static let write = Permissions(rawValue: 2)
        /// Create children.
        public static let create = Permissions(rawValue: 4)
        /// Delete children.
        public static let delete = Permissions(rawValue: 8)
        /// Change the access control list.
        public static let admin = Permissions(rawValue: 16)
        /// All of these.
        public static let all: Permissions = [.read, .write, .create, .delete, .admin]
    }

    /// What is allowed.
    public var permissions: Permissions
    /// How the identity is meant: `world`, `auth`, `digest`, `ip` and others that the server has.
    public var scheme: String
    /// Who: `anyone` for `world`, empty for `auth`, `user:hash` for `digest`.
    public var identity: String

    /// Makes an entry.
    public init(_ permissions: Permissions, scheme: String, identity: String) {
        self.permissions = permissions
        self.scheme = scheme
        self.identity = identity
    }
}

extension [ZNodeACL] {
    /// Everybody may do everything.
    public static var open: [ZNodeACL] { [ZNodeACL(.all, scheme: "world", identity: "anyone")] }

    /// Everybody may read, nobody may change. Deleting a node is a matter of its parent's list.
    public static var worldRead: [ZNodeACL] { [ZNodeACL(.read, scheme: "world", identity: "anyone")] }

    /// Who creates the node may do everything, under every identity that the session has proved.
    public static var creatorAll: [ZNodeACL] { [ZNodeACL(.all, scheme: "auth", identity: "")] }
}
