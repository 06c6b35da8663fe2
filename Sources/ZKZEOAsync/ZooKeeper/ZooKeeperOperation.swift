//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// One operation of a ``ZooKeeperSession/multi(_:)``: all take place, or none does.
public struct ZooKeeperOperation: Sendable {
    enum Kind {
        case create(data: [UInt8]?, mode: CreateMode, acl: [ZNodeACL])
        case delete(version: Int32)
        case set(data: [UInt8]?, version: Int32)
        case check(version: Int32)
    }

    let path: String
    let kind: Kind

    /// What is wrong with the path. libzookeeper would fail the whole multi without saying which operation it was.
    var pathFault: String? {
        if case .create(_, let mode, _) = self.kind {
            return PathRules.fault(in: self.path, isSequential: mode.isSequential)
        }
        return PathRules.fault(in: self.path)
    }

    /// Creates a node.
    public static func create(
        _ path: String,
        data: [UInt8]? = [],
        mode: CreateMode = .persistent,
        acl: [ZNodeACL] = .open
    ) -> ZooKeeperOperation {
        ZooKeeperOperation(path: path, kind: .create(data: data, mode: mode, acl: acl))
    }

    /// Deletes a node that has that version (-1: whatever its version).
    public static func delete(_ path: String, version: Int32 = -1) -> ZooKeeperOperation {
        ZooKeeperOperation(path: path, kind: .delete(version: version))
    }

    /// Sets the data of a node that has that version (-1: whatever its version).
    public static func set(_ path: String, data: [UInt8]?, version: Int32 = -1) -> ZooKeeperOperation {
        ZooKeeperOperation(path: path, kind: .set(data: data, version: version))
    }

    /// Demands that a node has that version (-1: that it exists).
    public static func check(_ path: String, version: Int32 = -1) -> ZooKeeperOperation {
        ZooKeeperOperation(path: path, kind: .check(version: version))
    }
}

/// What an operation of a multi brought about.
public enum ZooKeeperOperationResult: Hashable, Sendable {
    /// A node was created; the path has the digits of a sequential node.
    case created(path: String)
    /// A node was deleted.
    case deleted
    /// A node's data was set.
    case set(ZNodeStat)
    /// The version was as demanded.
    case checked
}
