//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import ZEOAsyncServer

/// A listener for operators beside the server: the monitor, or the one for metrics.
///
/// Somebody else's having the port is no reason not to serve: then the server runs without, as zc.monitor has it. Any
/// other address that cannot be listened at is a mistake, and stops the start.
struct SideService: Service {
    /// What the log calls it.
    let name: String
    /// Serves until it is stopped.
    let serve: @Sendable () async throws -> Void
    /// Where it listens, once it does.
    let waitUntilListening: @Sendable () async throws -> SocketAddress
    let logger: Logger

    /// The monitor of a server.
    static func monitor(_ monitor: MonitorServer, logger: Logger) -> SideService {
        SideService(
            name: "monitor server",
            serve: { try await monitor.run() },
            waitUntilListening: { try await monitor.waitUntilListening() },
            logger: logger
        )
    }

    /// The HTTP listener of a server.
    static func http(_ listener: OperatorHTTPServer, logger: Logger) -> SideService {
        SideService(
            name: "metrics server",
            serve: { try await listener.run() },
            waitUntilListening: { try await listener.waitUntilListening() },
            logger: logger
        )
    }

    func run() async throws {
        async let isListening: Void = self.logListening()
        do {
            try await self.serve()
        } catch let error as ZEOServerError where Self.isTaken(error) {
            self.logger.warning("The \(self.name) does not run, because its address is taken: \(error)")
            // A service that ends ends its group.
            try? await gracefulShutdown()
        }
        await isListening
    }

    private func logListening() async {
        guard let address = try? await self.waitUntilListening() else { return }
        self.logger.info("The \(self.name) listens", metadata: ["address": "\(address.configurationText)"])
    }

    private static func isTaken(_ error: ZEOServerError) -> Bool {
        error.code == .cannotListen && (error.underlyingError as? IOError)?.errnoCode == EADDRINUSE
    }
}

extension SocketAddress {
    /// The address as it is written in configurations.
    var configurationText: String {
        switch self {
        case .v4: "\(self.ipAddress ?? ""):\(self.port ?? 0)"
        case .v6: "[\(self.ipAddress ?? "")]:\(self.port ?? 0)"
        case .unixDomainSocket: self.pathname ?? ""
        }
    }
}
