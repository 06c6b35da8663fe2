//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// The operations. All of them throw ``ZooKeeperError`` for what ZooKeeper says and `CancellationError` to cancelled tasks;
/// after a cancellation, as after a broken connection, it is unknown whether a write took place.
extension ZooKeeperSession {
    /// Creates a node. Returns its path, which for sequential nodes is longer than the one given; nil `data` is no data,
    /// which ZooKeeper tells from empty data.
    @discardableResult
    public func create(
        _ path: String,
        data: [UInt8]? = [],
        mode: CreateMode = .persistent,
        acl: [ZNodeACL] = .open
    ) async throws -> (path: String, stat: ZNodeStat?) {
        let answer = try await self.request(path) { handle, token, _ in
            handle.create(path, data: data, mode: mode, acl: acl, token: token)
        }
        guard case .path(let created, let stat) = answer.reply else { throw Self.unexpected(path) }
        return (created, stat)
    }

    /// What is known about a node; nil if there is none.
    public func exists(_ path: String) async throws -> ZNodeStat? {
        try await self.existence(path, watching: nil).stat
    }

    /// The same with a watch for the node's creation, deletion or new data.
    public func existsWatching(_ path: String) async throws -> (stat: ZNodeStat?, watch: ZooKeeperWatch) {
        let (stat, watch) = try await self.existence(path, watching: .existence)
        guard let watch else { throw Self.unexpected(path) }
        return (stat, watch)
    }

    private func existence(
        _ path: String,
        watching kind: WatchTable<ZooKeeperWatch>.Kind?
    ) async throws -> (stat: ZNodeStat?, watch: ZooKeeperWatch?) {
        do {
            let answer = try await self.request(path, watching: kind) { handle, token, watch in
                handle.exists(path, watch: watch, token: token)
            }
            if answer.code != 0 { return (nil, answer.watch) }
            guard case .stat(let stat) = answer.reply else { throw Self.unexpected(path) }
            return (stat, answer.watch)
        } catch let error as ZooKeeperError where error.code == .noNode {
            return (nil, nil)
        }
    }

    /// A node's data.
    public func get(_ path: String) async throws -> (data: [UInt8]?, stat: ZNodeStat) {
        let (data, stat, _) = try await self.data(path, watching: nil)
        return (data, stat)
    }

    /// The same with a watch for new data, or the node's deletion.
    public func getWatching(
        _ path: String
    ) async throws -> (data: [UInt8]?, stat: ZNodeStat, watch: ZooKeeperWatch) {
        let (data, stat, watch) = try await self.data(path, watching: .data)
        guard let watch else { throw Self.unexpected(path) }
        return (data, stat, watch)
    }

    private func data(
        _ path: String,
        watching kind: WatchTable<ZooKeeperWatch>.Kind?
    ) async throws -> ([UInt8]?, ZNodeStat, ZooKeeperWatch?) {
        let answer = try await self.request(path, watching: kind) { handle, token, watch in
            handle.get(path, watch: watch, token: token)
        }
        guard case .data(let data, let stat) = answer.reply else { throw Self.unexpected(path) }
        return (data, stat, answer.watch)
    }

    /// The names of a node's children, in no particular order.
    public func children(_ path: String) async throws -> (names: [String], stat: ZNodeStat) {
        let (names, stat, _) = try await self.childNames(path, watching: nil)
        return (names, stat)
    }

    /// The same with a watch for a child created or deleted, or the node's own deletion.
    public func childrenWatching(
        _ path: String
    ) async throws -> (names: [String], stat: ZNodeStat, watch: ZooKeeperWatch) {
        let (names, stat, watch) = try await self.childNames(path, watching: .children)
        guard let watch else { throw Self.unexpected(path) }
        return (names, stat, watch)
    }

    private func childNames(
        _ path: String,
        watching kind: WatchTable<ZooKeeperWatch>.Kind?
    ) async throws -> ([String], ZNodeStat, ZooKeeperWatch?) {
        let answer = try await self.request(path, watching: kind) { handle, token, watch in
            handle.children(path, watch: watch, token: token)
        }
        guard case .children(let names, let stat) = answer.reply else { throw Self.unexpected(path) }
        return (names, stat, answer.watch)
    }

    /// Sets a node's data, if it has that version (-1: whatever its version).
    @discardableResult
    public func set(_ path: String, data: [UInt8]?, version: Int32 = -1) async throws -> ZNodeStat {
        let answer = try await self.request(path) { handle, token, _ in
            handle.set(path, data: data, version: version, token: token)
        }
        guard case .stat(let stat) = answer.reply else { throw Self.unexpected(path) }
        return stat
    }

    /// Deletes a node, if it has that version (-1: whatever its version).
    public func delete(_ path: String, version: Int32 = -1) async throws {
        _ = try await self.request(path) { handle, token, _ in
            handle.delete(path, version: version, token: token)
        }
    }

    /// Does all operations, or none: then it throws the error of the first that failed, with its `operationIndex`.
    @discardableResult
    public func multi(_ operations: [ZooKeeperOperation]) async throws -> [ZooKeeperOperationResult] {
        for (index, operation) in operations.enumerated() {
            guard let fault = operation.pathFault else { continue }
            var error = ZooKeeperError(.badArguments, path: operation.path, message: fault, rawCode: -8)
            error.operationIndex = index
            throw error
        }
        try self.checkRequestsAllowed(path: nil)
        let buffers = MultiBuffers(operations)
        let answer = try await self.request(nil, multi: buffers) { handle, token, _ in
            handle.multi(buffers, token: token)
        }
        guard answer.code != 0 else { return answer.multi.map(\.result) }
        var error = ZooKeeperError(rawCode: answer.code)
        let culprit = answer.multi.firstIndex { $0.code == answer.code && error.code != .rolledBack }
        if let culprit {
            error.path = operations[culprit].path
            error.operationIndex = culprit
        }
        throw error
    }

    /// A node's access control list.
    public func getACL(_ path: String) async throws -> (acl: [ZNodeACL], stat: ZNodeStat) {
        let answer = try await self.request(path) { handle, token, _ in handle.getACL(path, token: token) }
        guard case .acl(let acl, let stat) = answer.reply else { throw Self.unexpected(path) }
        return (acl, stat)
    }

    /// Replaces a node's access control list, if the list has that version (-1: whatever its version).
    public func setACL(_ path: String, _ acl: [ZNodeACL], version: Int32 = -1) async throws {
        _ = try await self.request(path) { handle, token, _ in
            handle.setACL(path, acl: acl, version: version, token: token)
        }
    }

    /// Proves an identity to the server, now and on every later connection.
    ///
    /// When the server refuses it, this throws `authFailed` and the session ends: that is how ZooKeeper has it.
    public func addAuth(scheme: String, credential: [UInt8]) async throws {
        guard !scheme.utf8.contains(0) else {
            throw ZooKeeperError(.badArguments, message: "a scheme cannot contain a zero byte")
        }
        _ = try await self.request(nil) { handle, token, _ in
            self.present(scheme: scheme, credential: credential, to: handle, token)
        }
        self.addedAuth.append((scheme, credential))
    }

    /// Returns when the server that we are connected to knows everything that the leader knew. What is read afterwards is
    /// no older than that.
    public func sync(_ path: String = "/") async throws {
        _ = try await self.request(path) { handle, token, _ in handle.sync(path, token: token) }
    }

    /// Creates a node and its parents as far as they do not exist.
    public func ensurePath(_ path: String, acl: [ZNodeACL] = .open) async throws {
        if try await self.exists(path) != nil { return }
        if let slash = path.lastIndex(of: "/"), slash != path.startIndex {
            try await self.ensurePath(String(path[..<slash]), acl: acl)
        }
        do {
            try await self.create(path, acl: acl)
        } catch let error as ZooKeeperError where error.code == .nodeExists {
            return
        }
    }

    private static func unexpected(_ path: String) -> ZooKeeperError {
        ZooKeeperError(.marshallingError, path: path, message: "libzookeeper answered something else than was asked")
    }
}
