//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// The numbers that ZooKeeper keeps about a node, as a client sees them.
struct ZNodeStat: Equatable {
    var czxid: Int64 = 0
    var mzxid: Int64 = 0
    var ctime: Int64 = 0
    var mtime: Int64 = 0
    var version: Int32 = 0
    var cversion: Int32 = 0
    var aversion: Int32 = 0
    var ephemeralOwner: Int64 = 0
    var dataLength: Int32 = 0
    var numChildren: Int32 = 0
    var pzxid: Int64 = 0
}

/// One node of the tree.
///
/// Invariant: `children` holds exactly the nodes of the tree whose parent this is.
struct ZNode {
    /// What ends a node's life besides somebody's delete.
    enum Lifetime: Equatable {
        case persistent
        case ephemeral(session: Int64)
        /// Goes some time after its last child has gone.
        case container
        /// Goes when it has no children and was not changed for so many milliseconds.
        case limited(milliseconds: Int64)
    }

    /// Null and empty are different things on the wire.
    var data: [UInt8]?
    var acl: [ACLEntry]
    var lifetime = Lifetime.persistent
    var children: Set<ZNodePath> = []
    var czxid: Int64 = 0
    var mzxid: Int64 = 0
    var pzxid: Int64 = 0
    var ctime: Int64 = 0
    var mtime: Int64 = 0
    var version: Int32 = 0
    var aversion: Int32 = 0
    /// How many children were ever created here: the next sequence number.
    var creations: Int32 = 0

    var stat: ZNodeStat {
        var stat = ZNodeStat()
        stat.czxid = self.czxid
        stat.mzxid = self.mzxid
        stat.pzxid = self.pzxid
        stat.ctime = self.ctime
        stat.mtime = self.mtime
        stat.version = self.version
        // Creations and deletions both count: what was created twice over, less what is still there.
        stat.cversion = self.creations &* 2 &- Int32(truncatingIfNeeded: self.children.count)
        stat.aversion = self.aversion
        if case .ephemeral(let session) = self.lifetime { stat.ephemeralOwner = session }
        stat.dataLength = Int32(truncatingIfNeeded: self.data?.count ?? 0)
        stat.numChildren = Int32(truncatingIfNeeded: self.children.count)
        return stat
    }
}
