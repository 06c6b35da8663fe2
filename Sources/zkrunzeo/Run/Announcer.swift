//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Logging
import ServiceLifecycle
import ZEOAsyncServer

/// Tells the operator where the server listens.
struct Announcer: Service {
    let server: ZEOServer
    let logger: Logger

    func run() async throws {
        let addresses = try? await cancelWhenGracefulShutdown { try await self.server.waitUntilListening() }
        for address in addresses ?? [] {
            let text =
                switch (address.ipAddress, address.port) {
                case (let host?, let port?): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
                default: address.pathname ?? "\(address)"
                }
            self.logger.info("Listening", metadata: ["address": "\(text)"])
        }
    }
}
