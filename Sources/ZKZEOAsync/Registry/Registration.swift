//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// One node that a ``RegistrationLease`` keeps: a server at one address.
public struct Registration: Hashable, Sendable {
    /// The node's name, `HOST:PORT`.
    public var name: String
    /// The node's data. The ``ProcessIdentity/properties`` of this process are added where they are not given.
    public var properties: NodeProperties
    /// Whether this process listens at exactly that address. A node of that name in somebody else's session is then taken
    /// for a predecessor's, unless the host is one that every machine has (127.0.0.1 and the like) or the node names another
    /// machine. A host name is no such address: it may stand for several.
    public var holdsSocket: Bool

    /// Makes a registration.
    public init(name: String, properties: NodeProperties = [:], holdsSocket: Bool) {
        self.name = name
        self.properties = properties
        self.holdsSocket = holdsSocket
    }
}

extension RegistrationLease {
    /// How it stands with one node.
    public enum NodeState: Hashable, Sendable {
        /// There is no session with ZooKeeper.
        case waitingForSession
        /// The node is being created or verified, or will be after a while because of that error.
        case registering(ZooKeeperError?)
        /// Somebody else has the node: a live process, or one of which that is not known. 0 is a node that is not ephemeral.
        case blocked(owner: Int64, pid: Int32?)
        /// The node is there, and belongs to our session.
        case registered(sessionID: Int64)
        /// The lease has ended.
        case ended
    }

    /// What to do when the path does not exist.
    public struct MissingPath: Hashable, Sendable {
        private enum Kind { case fail, keepTrying }
        private var kind: Kind

        /// `run()` throws `noNode`.
        public static let fail = MissingPath(kind: .fail)
        /// Warn once and try again until it exists.
        public static let keepTrying = MissingPath(kind: .keepTrying)
    }
}
