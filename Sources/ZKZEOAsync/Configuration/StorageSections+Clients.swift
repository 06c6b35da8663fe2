//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
public import Logging
import ZConfig
public import ZODBStorage

extension StorageSections {
    /// All types of this package: those of `standard`, and the clients of servers: `clientstorage` of ZEO, `zeoclient` of
    /// ZODB and `zkzeoclient` of zc.zkzeo, which finds its servers in ZooKeeper.
    public static let withClients: StorageSections = {
        var sections = StorageSections.standard
        sections.addClients()
        return sections
    }()

    /// Adds the types that open clients of servers.
    ///
    /// - Parameters:
    ///   - logger: Where clients say what becomes of their addresses and connections; `nil` for the label `zc.zkzeo`.
    ///   - metrics: What clients count and measure; `nil` for where `MetricsSystem` sends all metrics.
    ///   - environment: The variables that sections may name; `nil` for those of this process.
    public mutating func addClients(
        logger: Logger? = nil,
        metrics: ClientMetrics? = nil,
        environment: [String: String]? = nil
    ) {
        let environment = environment ?? ProcessInfo.processInfo.environment
        for type in ClientSectionType.allCases {
            self.add(type.rawValue) { section, _ throws(ConfigurationError) in
                var client = try ClientSection(section, logger: logger, environment: environment)
                if let metrics { client.options.metrics = metrics }
                return Opener { [client] in
                    let storage = client.storage()
                    try await storage.start()
                    return storage
                }
            }
        }
    }
}
