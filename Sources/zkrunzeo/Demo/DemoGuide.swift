//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging
import ServiceLifecycle
import ZKTestServer
import ZKZEOAsync

/// Watches, as a client would, for the server to appear in ZooKeeper, and then prints how to connect to it.
struct DemoGuide: Service {
    let zooKeeper: ZKTestServer
    let session: ZooKeeperSession
    let path: String
    let file: String
    let logger: Logger

    func run() async throws {
        let watcher = AddressWatcher(session: self.session, path: self.path, logger: self.logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await watcher.run() }
            for await set in watcher.addresses.cancelOnGracefulShutdown() where !set.addresses.isEmpty {
                Self.say(self.text(tree: await self.zooKeeper.printTree("/databases"), first: set.addresses[0]))
                break
            }
            // The watcher ends at graceful shutdown.
            try await group.waitForAll()
        }
    }

    /// Prints at once, which `print` does on terminals alone.
    static func say(_ text: String) {
        try? FileHandle.standardOutput.write(contentsOf: Data((text + "\n").utf8))
    }

    private func text(tree: String, first: ServiceAddress) -> String {
        """

        A ZooKeeper server runs at \(self.zooKeeper.connectionString). The server of \(self.file) has registered itself:

        \(tree)
        From Swift (add the products ZKZEOAsync and ZODB to your target):

            import ZKZEOAsync
            import ZODB

            let connection = try await ZKZEO.connection("\(self.zooKeeper.connectionString)", "\(self.path)")
            try await connection.transaction { root in
                root["hello"] = "from Swift"
            }
            await connection.close()

        From Python (pip install ZEO kazoo):

            from kazoo.client import KazooClient
            import ZEO, transaction
            zk = KazooClient("\(self.zooKeeper.connectionString)"); zk.start()
            host, port = zk.get_children("\(self.path)")[0].rsplit(":", 1)
            connection = ZEO.connection((host, int(port)))
            print(connection.root())
            connection.root.greeting = "from Python"; transaction.commit()

        Without ZooKeeper, the server is at \(first) until it stops. Ctrl-C stops it.
        """
    }
}
