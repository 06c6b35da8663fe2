//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ZConfig
import ZEOAsyncServer
import ZKZEOAsync
import ZODBStorage

/// Everything that the command line and the configuration file say, as values.
struct RunConfiguration {
    /// A storage that is to be served.
    struct NamedStorage: Sendable {
        /// The name that clients ask for.
        var name: String
        /// The file that the storage writes, where there is one: beside it lies what tells this server from others.
        var file: String?
        /// What Python calls storages of its kind.
        var kind: String
        /// Opens the storage.
        var open: @Sendable () async throws -> any Storage
    }

    /// How to register.
    struct ZooKeeper: Sendable {
        /// `HOST:PORT,…` with an optional chroot.
        var connection: String
        /// The node whose child the server becomes; `nil` serves unregistered.
        var path: String?
        /// How long ZooKeeper keeps the node of a server that it does not hear of.
        var sessionTimeout: Duration = .seconds(10)
        /// Credentials, by scheme.
        var auth: [(scheme: String, credential: [UInt8])] = []
        /// Who may do what with the server's node.
        var acl: [ZNodeACL] = .worldRead
        /// What to register in place of the address that is listened at: for containers and NAT.
        var advertise: Advertised?
        /// Where the monitor listens; `nil` for none.
        var monitorServer: ConfigurationAddress?
    }

    /// An address that clients are to use.
    struct Advertised: Hashable, Sendable {
        var host: String
        /// `nil` for the port that is listened at.
        var port: Int?
    }

    /// Reads once more what a file says about TLS.
    typealias ReadTLS = @Sendable () throws(ConfigurationError) -> ZEOServerConfiguration.TLS

    var server: ZEOServerConfiguration
    /// For certificates that were renewed; `nil` without TLS.
    var readTLS: ReadTLS?
    var storages: [NamedStorage]
    var zooKeeper: ZooKeeper?
    /// Where the listener for metrics and their like is; `nil` for none.
    var metricsServer: ConfigurationAddress?
    /// What it shows.
    var metrics: PrometheusMetrics?
    var pidFile: String?
    /// Whether nobody asked for the pid file, but runzeo would look for its place in `INSTANCE_HOME`.
    var pidFileIsGuessed = false
    var log: EventLog
    /// Whether to stop as soon as the server listens: `--test`.
    var endsAtOnce = false
    /// What the configuration asks for and this version does not do.
    var warnings: [String] = []

    /// The ZooKeeper registration that this server shall have; `nil` for none.
    var registration: (zooKeeper: ZooKeeper, path: String)? {
        guard let zooKeeper, let path = zooKeeper.path else { return nil }
        return (zooKeeper, path)
    }
}
