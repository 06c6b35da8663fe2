//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// Which writes are allowed and what they do, in the order in which ZooKeeper looks: of several faults the same one is named.
extension ZNodeTree {
    /// Who writes, and when.
    struct Occasion {
        var session: Int64
        var identities: [Identity]
        var zxid: Int64
        /// Milliseconds since 1970.
        var wallTime: Int64
        var allowsTimeToLive = false
    }

    /// What a write has done.
    enum Effect: Equatable {
        case created(ZNodePath, wantsStat: Bool)
        case deleted(ZNodePath)
        case dataChanged(ZNodePath)
        case aclChanged(ZNodePath)
        case checked
    }

    /// Does one write wholly, or throws and does nothing.
    mutating func perform(_ write: Write, on occasion: Occasion) throws(ZooKeeperCode) -> Effect {
        switch write {
        case .create(let creation):
            return try self.create(creation, on: occasion)
        case .delete(let path, let version):
            return try self.delete(path, version: version, on: occasion)
        case .setData(let path, let data, let version):
            try path.validate()
            let node = try self.node(path)
            try node.acl.demand(.write, of: occasion.identities)
            try Self.demand(version, is: node.version)
            self.setData(data, of: path, zxid: occasion.zxid, wallTime: occasion.wallTime)
            return .dataChanged(path)
        case .setACL(let path, let acl, let version):
            try path.validate()
            let resolved = try acl.resolved(for: occasion.identities)
            let node = try self.node(path)
            try node.acl.demand(.admin, of: occasion.identities)
            try Self.demand(version, is: node.aversion)
            self.setACL(resolved, of: path)
            return .aclChanged(path)
        case .check(let path, let version):
            try path.validate()
            let node = try self.node(path)
            try node.acl.demand(.read, of: occasion.identities)
            try Self.demand(version, is: node.version)
            return .checked
        }
    }

    private mutating func create(_ creation: Creation, on occasion: Occasion) throws(ZooKeeperCode) -> Effect {
        let isNumbered = [2, 3, 6].contains(creation.mode)
        let lifetime = try Self.lifetime(of: creation, on: occasion)
        guard let parentPath = creation.path.parent, !creation.path.holdsNUL else { throw .badArguments }
        let acl = try creation.acl.resolved(for: occasion.identities)
        let parent = try self.node(parentPath)
        try parent.acl.demand(.create, of: occasion.identities)
        var path = creation.path
        if isNumbered { path = ZNodePath(path.text + Self.tenDigits(parent.creations)) }
        try path.validate()
        if self[path] != nil { throw .nodeExists }
        if case .ephemeral = parent.lifetime { throw .noChildrenForEphemerals }
        self.insert(
            ZNode(
                data: creation.data,
                acl: acl,
                lifetime: lifetime,
                czxid: occasion.zxid,
                mzxid: occasion.zxid,
                pzxid: occasion.zxid,
                ctime: occasion.wallTime,
                mtime: occasion.wallTime
            ),
            at: path
        )
        return .created(path, wantsStat: creation.wantsStat)
    }

    private static func lifetime(of creation: Creation, on occasion: Occasion) throws(ZooKeeperCode) -> ZNode.Lifetime {
        switch creation.mode {
        case 5, 6:
            guard occasion.allowsTimeToLive else { throw .unimplemented }
            // The longest time that fits beside the flags in ZooKeeper's owner field.
            guard let time = creation.timeToLive, (1...0xff_ffff_ffff).contains(time) else { throw .badArguments }
            return .limited(milliseconds: time)
        case 0...4 where creation.timeToLive == nil:
            return creation.mode == 4
                ? .container : creation.mode % 2 == 1 ? .ephemeral(session: occasion.session) : .persistent
        default: throw .badArguments
        }
    }

    private mutating func delete(
        _ path: ZNodePath,
        version: Int32,
        on occasion: Occasion
    ) throws(ZooKeeperCode) -> Effect {
        let untouchable: [ZNodePath] = [.root, "/zookeeper", "/zookeeper/quota", "/zookeeper/config"]
        guard let parentPath = path.parent, !path.holdsNUL, !untouchable.contains(path) else { throw .badArguments }
        let parent = try self.node(parentPath)
        try parent.acl.demand(.delete, of: occasion.identities)
        let node = try self.node(path)
        try Self.demand(version, is: node.version)
        guard node.children.isEmpty else { throw .notEmpty }
        self.remove(path, zxid: occasion.zxid)
        return .deleted(path)
    }

    /// -1 is every version.
    private static func demand(_ wanted: Int32, is version: Int32) throws(ZooKeeperCode) {
        guard wanted == -1 || wanted == version else { throw .badVersion }
    }

    private static func tenDigits(_ number: Int32) -> String {
        let digits = String(number.magnitude)
        let sign = number < 0 ? "-" : ""
        return sign + String(repeating: "0", count: max(0, 10 - sign.count - digits.count)) + digits
    }
}
