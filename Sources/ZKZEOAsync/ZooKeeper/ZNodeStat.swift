//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// What ZooKeeper knows about a node besides its data.
public struct ZNodeStat: Hashable, Sendable {
    /// The transaction that created the node.
    public var creationTransaction: Int64
    /// The transaction that last changed the node's data.
    public var modificationTransaction: Int64
    /// The transaction that last created or deleted a child.
    public var childrenTransaction: Int64
    /// When the node was created, in milliseconds since 1970.
    public var creationTime: Int64
    /// When the node's data last changed, in milliseconds since 1970.
    public var modificationTime: Int64
    /// How often the data has changed.
    public var version: Int32
    /// How often children have been created or deleted.
    public var childrenVersion: Int32
    /// How often the ACL has changed.
    public var aclVersion: Int32
    /// The session that an ephemeral node lives with; 0 for all others.
    public var ephemeralOwner: Int64
    /// How many bytes the data has.
    public var dataLength: Int32
    /// How many children the node has.
    public var childCount: Int32

    /// Makes a description of a node.
    public init(
        creationTransaction: Int64 = 0,
        modificationTransaction: Int64 = 0,
        childrenTransaction: Int64 = 0,
        creationTime: Int64 = 0,
        modificationTime: Int64 = 0,
        version: Int32 = 0,
        childrenVersion: Int32 = 0,
        aclVersion: Int32 = 0,
        ephemeralOwner: Int64 = 0,
        dataLength: Int32 = 0,
        childCount: Int32 = 0
    ) {
        self.creationTransaction = creationTransaction
        self.modificationTransaction = modificationTransaction
        self.childrenTransaction = childrenTransaction
        self.creationTime = creationTime
        self.modificationTime = modificationTime
        self.version = version
        self.childrenVersion = childrenVersion
        self.aclVersion = aclVersion
        self.ephemeralOwner = ephemeralOwner
        self.dataLength = dataLength
        self.childCount = childCount
    }
}
