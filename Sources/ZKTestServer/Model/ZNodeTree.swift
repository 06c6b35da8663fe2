//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// The nodes. It moves them about and keeps their numbers right; whether somebody may do so was decided before.
///
/// Invariants: `/` exists; every node but `/` has its parent in the tree and is among that one's children; `ephemerals` lists exactly the
/// nodes whose lifetime is a session's.
struct ZNodeTree {
    private var nodes: [ZNodePath: ZNode] = [:]
    private var ephemerals: [Int64: Set<ZNodePath>] = [:]

    /// The tree of a new server: the root, and ZooKeeper's own corner, which counts as never created.
    init() {
        self.nodes[.root] = ZNode(data: [], acl: ACLEntry.open, children: ["/zookeeper"])
        self.nodes["/zookeeper"] = ZNode(
            data: [],
            acl: ACLEntry.open,
            children: ["/zookeeper/config", "/zookeeper/quota"]
        )
        self.nodes["/zookeeper/quota"] = ZNode(data: [], acl: ACLEntry.open)
        // A standalone server has no configuration to show, and gives this node its access list out of turn.
        self.nodes["/zookeeper/config"] = ZNode(data: [], acl: ACLEntry.readOnly, aversion: -1)
    }

    var count: Int { self.nodes.count }

    var ephemeralCount: Int { self.ephemerals.values.reduce(0) { $0 + $1.count } }

    /// The bytes of all paths and data together.
    var approximateSize: Int { self.nodes.reduce(0) { $0 + $1.key.text.utf8.count + ($1.value.data?.count ?? 0) } }

    /// The node at `path`; the empty path is the root too, as in ZooKeeper.
    subscript(path: ZNodePath) -> ZNode? { self.nodes[path.text.isEmpty ? .root : path] }

    /// A node, or that there is none.
    func node(_ path: ZNodePath) throws(ZooKeeperCode) -> ZNode {
        guard let node = self[path] else { throw .noNode }
        return node
    }

    func ephemerals(of session: Int64) -> [ZNodePath] { (self.ephemerals[session] ?? []).sorted() }

    /// How many nodes stand below one.
    func descendantCount(of path: ZNodePath) -> Int {
        guard let node = self[path] else { return 0 }
        return node.children.reduce(0) { $0 + 1 + self.descendantCount(of: $1) }
    }

    /// The containers that are empty after use, and the limited nodes whose time is over.
    func outlived(at wallTime: Int64) -> [ZNodePath] {
        self.nodes.filter { _, node in
            guard node.children.isEmpty else { return false }
            switch node.lifetime {
            case .persistent, .ephemeral: return false
            case .container: return node.creations > 0
            case .limited(let milliseconds): return wallTime - node.mtime > milliseconds
            }
        }.keys.sorted()
    }

    // MARK: Changes

    mutating func insert(_ node: ZNode, at path: ZNodePath) {
        guard let parent = path.parent, self.nodes[parent] != nil, self.nodes[path] == nil else {
            preconditionFailure("a node needs a parent and a place of its own")
        }
        self.nodes[path] = node
        self.nodes[parent]?.children.insert(path)
        self.nodes[parent]?.creations &+= 1
        self.nodes[parent]?.pzxid = node.czxid
        if case .ephemeral(let session) = node.lifetime { self.ephemerals[session, default: []].insert(path) }
    }

    mutating func remove(_ path: ZNodePath, zxid: Int64) {
        guard let parent = path.parent, let node = self.nodes[path], node.children.isEmpty else {
            preconditionFailure("only a leaf can be removed")
        }
        self.nodes[path] = nil
        self.nodes[parent]?.children.remove(path)
        self.nodes[parent]?.pzxid = zxid
        if case .ephemeral(let session) = node.lifetime {
            self.ephemerals[session]?.remove(path)
            if self.ephemerals[session]?.isEmpty == true { self.ephemerals[session] = nil }
        }
    }

    mutating func setData(_ data: [UInt8]?, of path: ZNodePath, zxid: Int64, wallTime: Int64) {
        self.nodes[path]?.data = data
        self.nodes[path]?.version &+= 1
        self.nodes[path]?.mzxid = zxid
        self.nodes[path]?.mtime = wallTime
    }

    mutating func setACL(_ acl: [ACLEntry], of path: ZNodePath) {
        self.nodes[path]?.acl = acl
        self.nodes[path]?.aversion &+= 1
    }
}
