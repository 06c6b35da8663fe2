//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import ZKZEOAsync

/// `zkrunzeo tree`: prints what is registered.
struct TreeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tree",
        abstract: "Print the registry's tree, as zc.zk prints it.",
        discussion: """
            Links and properties stand below their node; a link has an arrow behind its name. Running servers are the \
            nodes named HOST:PORT.

            EXIT STATUS
              0   printed
              64  the command line cannot be understood
              69  ZooKeeper is out of reach, or has no such path
            """
    )

    @Argument(
        help: ArgumentHelp(
            "HOST:PORT[,…][/CHROOT]. Default: ZC_ZK_CONNECTION_STRING, or else 127.0.0.1:2181.",
            valueName: "zookeeper"
        )
    )
    var zooKeeper: String?

    @Argument(help: ArgumentHelp("Where to begin.", valueName: "path"))
    var path = "/"

    @Flag(help: "Leave out what goes away with its process: what remains can be imported again.")
    var permanent = false

    func run() async throws {
        try await withExitStatus {
            // A path alone means the usual ZooKeeper.
            let isPath = self.zooKeeper?.hasPrefix("/") ?? false
            let path = isPath ? self.zooKeeper ?? self.path : self.path
            let connection = (isPath ? nil : self.zooKeeper) ?? Self.defaultConnection
            guard path.hasPrefix("/") else { throw StopReason(.usage, "\(path): a path begins with a slash") }
            let withEphemerals = !self.permanent
            let text = try await CommandSession.with(connection) { session in
                try await CommandSession.explaining(path, connection) {
                    try await RegistryTree(session: session, withEphemerals: withEphemerals).text(at: path)
                }
            }
            try? FileHandle.standardOutput.write(contentsOf: Data(text.utf8))
        }
    }

    private static var defaultConnection: String {
        ProcessInfo.processInfo.environment["ZC_ZK_CONNECTION_STRING"] ?? "127.0.0.1:2181"
    }
}

extension CommandSession {
    /// Runs `body`; what ZooKeeper refuses becomes a sentence.
    static func explaining<Result>(
        _ path: String,
        _ connection: String,
        _ body: () async throws -> Result
    ) async throws -> Result {
        do {
            return try await body()
        } catch let error as ZooKeeperError where error.code == .noNode {
            throw StopReason(.zooKeeper, "the path \(path) does not exist in ZooKeeper (\(connection))")
        } catch let error as ZooKeeperError {
            throw StopReason(.zooKeeper, "\(path) cannot be read from ZooKeeper (\(connection)): \(error)")
        }
    }
}
