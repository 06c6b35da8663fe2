//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import ZConfig
import ZEOAsyncServer
import ZEOProtocol
import ZODBStorage

/// `<zeo>`: how to serve. The keys are those of Python's runzeo.
struct ZEOSection {
    var server: ZEOServerConfiguration
    var pidFile: String?
    /// Whether the section says which format messages have.
    var saysFormat: Bool
    /// Reads `<ssl>` and its files anew, if there is one.
    var readTLS: RunConfiguration.ReadTLS?
    /// Where the HTTP listener is, if it stands here.
    var metricsServer: ConfigurationAddress?

    private static let keys = [
        "address", "read-only", "invalidation-queue-size", "invalidation-age", "transaction-timeout", "pid-filename",
        "client-conflict-resolution", "msgpack", "metrics-server", "slow-call-time",
    ]

    /// Reads the section. The command line's address, if there is one, takes the place of the section's.
    init(
        _ section: ConfigurationSection,
        address: ConfigurationAddress?,
        environment: [String: String]
    ) throws(ConfigurationError) {
        try ForeignParts.check(serverKeys: section.keys)
        try section.rejectUnknown(keys: Self.keys, sections: ["ssl"])
        let address =
            if let address { address } else { try section.value("address", as: .socketBindingAddress) }
        var server = ZEOServerConfiguration(address: .init(address))
        server.isReadOnly = try section.optional("read-only", as: .boolean) ?? server.isReadOnly
        server.invalidationQueueSize =
            try section.optional("invalidation-queue-size", as: .integer.atLeast(0)) ?? server.invalidationQueueSize
        server.invalidationAge = try section.optional("invalidation-age", as: .seconds.atLeast(.zero))
        server.transactionTimeout = try section.optional("transaction-timeout", as: .seconds.atLeast(.zero))
        if let time = try section.optional("slow-call-time", as: .seconds.atLeast(.zero)) {
            server.slowCallTime = time == .zero ? nil : time
        }
        server.conflictResolution =
            switch try section.optional("client-conflict-resolution", as: .boolean) {
            case nil: .unset
            case true?: .client
            case false?: .none
            }
        let messagePack = try section.optional("msgpack", as: .boolean)
        server.wireFormat = messagePack == true ? .messagePack : .pickle
        self.saysFormat = messagePack != nil
        if let ssl = try section.optionalSection("ssl") {
            server.tls = try SSLSection.read(ssl, environment: environment)
            self.readTLS = { () throws(ConfigurationError) in try SSLSection.read(ssl, environment: environment) }
        }
        self.metricsServer = try section.optional("metrics-server", as: .socketBindingAddress)
        self.server = server
        self.pidFile = try section.optional("pid-filename", as: .existingDirpath(.system))
    }
}

extension ZEOServerConfiguration.Address {
    /// Where a configuration says that the server shall listen.
    init(_ address: ConfigurationAddress) {
        switch address {
        case .internet(let host, let port): self = .hostname(host, port: port ?? 0)
        case .unix(let path): self = .unixDomainSocket(path: path)
        }
    }
}
