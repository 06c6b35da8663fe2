//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import ZEOAsyncServer
import ZKZEOAsync

/// What this process has registered in ZooKeeper, for the monitor's command `servers`.
final class RegisteredServers: Sendable {
    /// A server, as zc.zk counts them: one, whatever the number of its nodes.
    struct Server {
        /// `HOST:PORT`; `:PORT` for a server at every interface.
        var address: String
        /// The path as it was configured, and where its links lead.
        var paths: Set<String>
        var properties: NodeProperties
    }

    private let servers = Mutex<[Server]>([])
    private let isComplete = Atomic(false)

    /// Whether everything is registered that is to be.
    var isRegistered: Bool {
        get { self.isComplete.load(ordering: .relaxed) }
        set { self.isComplete.store(newValue, ordering: .relaxed) }
    }

    func register(_ server: Server) {
        self.servers.withLock { $0.append(server) }
    }

    /// The path of a server turned out to be another one's link.
    func found(_ real: String, for path: String) {
        self.servers.withLock { servers in
            for index in servers.indices where servers[index].paths.contains(path) { servers[index].paths.insert(real) }
        }
    }

    /// `servers [PATH]`, as zc.zk has it.
    var command: MonitorCommand {
        MonitorCommand(
            "servers",
            summary: "List the servers that this process has registered in ZooKeeper",
            details: """
                "servers PATH" answers with the addresses that are registered at a path, separated by
                spaces; without a path the answer is JSON, with everything that is registered.
                """,
            argumentCount: 0...1
        ) { self.text(path: $0.first) }
    }

    private func text(path: String?) -> String {
        let servers = self.servers.withLock { $0 }
        if let path {
            return servers.filter { $0.paths.contains(path) }.map(\.address).joined(separator: " ") + "\n"
        }
        let list = servers.map { server in
            var values = server.properties.values
            values["address"] = .string(server.address)
            values["path"] = server.paths.sorted().first.map { .string($0) }
            return JSONValue.object(values)
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return ((try? encoder.encode(list)).map { String(decoding: $0, as: UTF8.self) } ?? "[]") + "\n"
    }
}
