//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// A request of a client, as it was read from the wire: syntactically right, otherwise not looked at.
struct Request: Equatable {
    var xid: Int32
    var operation: Operation
}

/// What a client asks for.
enum Operation: Equatable {
    case ping
    case closeSession
    case sync(ZNodePath)
    case write(Write)
    case multi([Write])
    case read(Read)
    case multiRead([Read])
    case authenticate(scheme: String, credential: [UInt8])
    case setWatches(WatchRenewal)
    case addWatch(ZNodePath, mode: Int32)
    case checkWatches(ZNodePath, kind: Int32)
    case removeWatches(ZNodePath, kind: Int32)
    case ephemerals(prefix: String)
    case whoAmI
    case reconfigure
    /// An operation that ZooKeeper does not have either, or a client must not send.
    case unknown(Int32)
    /// A known operation whose arguments could not be read, and why.
    case malformed(String)
}

/// An operation that may change the tree, and takes a transaction id whether it does or not.
enum Write: Equatable {
    case create(Creation)
    case delete(ZNodePath, version: Int32)
    case setData(ZNodePath, [UInt8]?, version: Int32)
    case setACL(ZNodePath, [ACLEntry], version: Int32)
    case check(ZNodePath, version: Int32)
}

/// A node that is to be made.
struct Creation: Equatable {
    var path: ZNodePath
    var data: [UInt8]?
    var acl: [ACLEntry]
    /// 0 persistent, 1 ephemeral, 2 persistent and numbered, 3 ephemeral and numbered, 4 container, 5 limited, 6 limited and numbered.
    var mode: Int32
    /// In milliseconds, for limited nodes; others must not have one.
    var timeToLive: Int64?
    /// Whether the answer carries the new node's numbers (`create2` and its relatives).
    var wantsStat = false
}

/// An operation that changes nothing.
enum Read: Equatable {
    case exists(ZNodePath, watch: Bool)
    case data(ZNodePath, watch: Bool)
    case children(ZNodePath, watch: Bool, wantsStat: Bool)
    case acl(ZNodePath)
    case countDescendants(ZNodePath)
}

/// The watches that a client had on the connection that it lost, and the last change that it knows of.
struct WatchRenewal: Equatable {
    var relativeZxid: Int64
    var data: [ZNodePath] = []
    var exists: [ZNodePath] = []
    var children: [ZNodePath] = []
    var persistent: [ZNodePath] = []
    var recursive: [ZNodePath] = []
}

/// The first thing that a client says on a connection.
struct Greeting: Equatable {
    var lastZxidSeen: Int64
    var timeout: Int32
    var sessionID: Int64
    var password: [UInt8]
    /// Old clients leave out the last byte (may the server be read-only?), and then get none back.
    var hasReadOnlyByte: Bool
}
