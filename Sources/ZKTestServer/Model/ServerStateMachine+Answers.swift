//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// What needs no transaction: reading, and the care of watches.
extension ServerStateMachine {
    mutating func answer(
        _ operation: Operation,
        on connection: ConnectionID,
        _ caller: Connection
    ) throws(ZooKeeperCode) -> Reply.Body {
        switch operation {
        case .sync(let path):
            return .path(path.text)
        case .read(let read):
            return try self.read(read, on: connection, caller)
        case .multiRead(let reads):
            return .results(reads.map { self.result(of: $0, on: connection, caller) })
        case .addWatch(let path, let mode):
            guard mode == 0 || mode == 1 else { throw .marshallingError }
            self.watches.data.add(path, connection, mode == 0 ? .persistent : .recursive)
            self.watches.children.add(path, connection, mode == 0 ? .persistent : .recursive)
            return .code(.ok)
        case .checkWatches(let path, let kind):
            let (children, data) = try Self.halves(kind)
            // ZooKeeper 3.8 asks whether anybody watches, not whether the caller does.
            guard children && self.watches.children.isWatched(path) || data && self.watches.data.isWatched(path) else {
                throw .noWatcher
            }
            return .none
        case .removeWatches(let path, let kind):
            let (children, data) = try Self.halves(kind)
            let fromChildren = children && self.watches.children.remove(path, connection)
            let fromData = data && self.watches.data.remove(path, connection)
            guard fromChildren || fromData else { throw .noWatcher }
            return .none
        case .ephemerals(let prefix):
            return .strings(
                self.tree.ephemerals(of: caller.session).filter { $0.hasPrefix(prefix) }.map(\.text)
            )
        case .whoAmI:
            return .identities(caller.identities)
        case .reconfigure:
            throw .reconfigDisabled
        case .ping, .write, .multi, .closeSession, .authenticate, .setWatches, .unknown, .malformed:
            return .none
        }
    }

    /// Which of the two tables a kind of watches names: 1 children, 2 data, 3 any.
    private static func halves(_ kind: Int32) throws(ZooKeeperCode) -> (children: Bool, data: Bool) {
        switch kind {
        case 1: return (true, false)
        case 2: return (false, true)
        case 3: return (true, true)
        default: throw .marshallingError
        }
    }

    private mutating func read(
        _ read: Read,
        on connection: ConnectionID,
        _ caller: Connection
    ) throws(ZooKeeperCode) -> Reply.Body {
        switch read {
        case .exists(let path, let watch):
            if path.holdsNUL { throw .badArguments }
            // One may wait for a node that is not there yet.
            if watch { self.watches.data.add(path, connection, .once) }
            return .stat(try self.tree.node(path).stat)
        case .data(let path, let watch):
            let node = try self.tree.node(path)
            try node.acl.demand(.read, of: caller.identities)
            if watch { self.watches.data.add(path, connection, .once) }
            return .data(node.data, node.stat)
        case .children(let path, let watch, let wantsStat):
            let node = try self.tree.node(path)
            try node.acl.demand(.read, of: caller.identities)
            if watch { self.watches.children.add(path, connection, .once) }
            let names = node.children.sorted().map(\.name)
            return wantsStat ? .childrenAndStat(names, node.stat) : .children(names)
        case .acl(let path):
            let node = try self.tree.node(path)
            try node.acl.demand([.read, .admin], of: caller.identities)
            do {
                try node.acl.demand(.admin, of: caller.identities)
                return .acl(node.acl, node.stat)
            } catch {
                return .acl(node.acl.withoutHashes, node.stat)
            }
        case .countDescendants(let path):
            let node = try self.tree.node(path)
            try node.acl.demand(.read, of: caller.identities)
            return .count(Int32(clamping: self.tree.descendantCount(of: path)))
        }
    }

    /// Of several reads each stands for itself.
    private mutating func result(of read: Read, on connection: ConnectionID, _ caller: Connection) -> Reply.Result {
        do throws(ZooKeeperCode) {
            switch try self.read(read, on: connection, caller) {
            case .data(let data, let stat): return .data(data, stat)
            case .children(let names): return .children(names)
            default: return .failed(.unimplemented)
            }
        } catch {
            return .failed(error)
        }
    }

    /// Takes over the watches of a lost connection: tells what was missed at once, and watches the rest.
    mutating func renew(_ renewal: WatchRenewal, on connection: ConnectionID) -> [Action] {
        var actions: [Action] = []
        func tell(_ kind: WatchEvent.Kind, _ path: ZNodePath) {
            actions.append(.send(.event(WatchEvent(kind: kind, path: path)), to: connection))
        }
        for path in renewal.data {
            switch self.tree[path] {
            case nil: tell(.deleted, path)
            case let node? where node.mzxid > renewal.relativeZxid: tell(.dataChanged, path)
            default: self.watches.data.add(path, connection, .once)
            }
        }
        for path in renewal.exists {
            if self.tree[path] != nil {
                tell(.created, path)
            } else {
                self.watches.data.add(path, connection, .once)
            }
        }
        for path in renewal.children {
            switch self.tree[path] {
            case nil: tell(.deleted, path)
            case let node? where node.pzxid > renewal.relativeZxid: tell(.childrenChanged, path)
            default: self.watches.children.add(path, connection, .once)
            }
        }
        for (paths, mode) in [(renewal.persistent, WatchTable.Mode.persistent), (renewal.recursive, .recursive)] {
            for path in paths {
                self.watches.data.add(path, connection, mode)
                self.watches.children.add(path, connection, mode)
            }
        }
        return actions
    }

    // MARK: What writes answer

    func body(for effect: ZNodeTree.Effect) -> Reply.Body {
        switch Self.result(of: effect, in: self.tree) {
        case .created(let path): return .path(path)
        case .createdWithStat(let path, let stat): return .pathAndStat(path, stat)
        case .changed(let stat): return .stat(stat)
        default: return .none
        }
    }

    static func result(of effect: ZNodeTree.Effect, in tree: ZNodeTree) -> Reply.Result {
        switch effect {
        case .created(let path, let wantsStat):
            guard wantsStat, let node = tree[path] else { return .created(path.text) }
            return .createdWithStat(path.text, node.stat)
        case .deleted: return .deleted
        case .dataChanged(let path), .aclChanged(let path): return .changed(tree[path]?.stat ?? ZNodeStat())
        case .checked: return .checked
        }
    }
}
