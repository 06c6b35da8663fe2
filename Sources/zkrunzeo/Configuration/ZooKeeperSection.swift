//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ZConfig
import ZKZEOAsync

/// `<zookeeper>`: where to register. `advertise`, `auth` and `acl` are ours; the other keys are zc.zkzeo's.
struct ZooKeeperSection {
    var zooKeeper: RunConfiguration.ZooKeeper
    /// Things that were understood but are not done.
    var warnings: [String] = []

    private static let keys = [
        "connection", "path", "session-timeout", "monitor-server", "metrics-server", "advertise", "auth", "acl",
    ]

    /// Where the HTTP listener is, if it stands here.
    var metricsServer: ConfigurationAddress?

    /// Reads the section. `defaultConnection` is what `ZC_ZK_CONNECTION_STRING` says.
    init(_ section: ConfigurationSection, defaultConnection: String?) throws(ConfigurationError) {
        try section.rejectUnknown(keys: Self.keys)
        let connection =
            try section.optional("connection", as: .nonEmptyString) ?? defaultConnection ?? "127.0.0.1:2181"
        do {
            _ = try ConnectionString(connection)
        } catch {
            throw ConfigurationError(
                at: section.position(of: "connection"),
                "\(error.message ?? "\(error)"); expected HOST:PORT[,HOST:PORT…][/CHROOT], "
                    + "from 'connection' or else from ZC_ZK_CONNECTION_STRING"
            )
        }
        var zooKeeper = RunConfiguration.ZooKeeper(connection: connection)
        zooKeeper.path = try section.optional("path", as: .zooKeeperPath)
        zooKeeper.sessionTimeout =
            try section.optional("session-timeout", as: .sessionTimeout) ?? zooKeeper.sessionTimeout
        zooKeeper.auth = try section.values("auth", as: .credential)
        zooKeeper.acl = try section.optional("acl", as: .acl) ?? zooKeeper.acl
        if case .internet(let host, let port)? = try section.optional("advertise", as: .inetAddress) {
            guard !host.isEmpty else {
                throw ConfigurationError(
                    at: section.position(of: "advertise"),
                    "'advertise' needs the host that clients are to use: HOST or HOST:PORT"
                )
            }
            zooKeeper.advertise = RunConfiguration.Advertised(host: host, port: port == 0 ? nil : port)
        }
        zooKeeper.monitorServer = try section.optional("monitor-server", as: .socketBindingAddress)
        self.metricsServer = try section.optional("metrics-server", as: .socketBindingAddress)
        self.zooKeeper = zooKeeper
    }
}

extension Datatype where Value == (scheme: String, credential: [UInt8]) {
    /// A credential for ZooKeeper: `SCHEME:CREDENTIAL`.
    static var credential: Datatype<Value> {
        Datatype("SCHEME:CREDENTIAL, for instance digest:USER:PASSWORD") { text throws(Fault) in
            let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[0].isEmpty else { throw Fault() }
            return (String(parts[0]), Array(parts[1].utf8))
        }
    }
}

extension Datatype where Value == [ZNodeACL] {
    /// An access control list: `SCHEME:ID:PERMISSIONS`, several of them separated by commas or white space.
    static var acl: Datatype<Value> {
        Datatype("SCHEME:ID:PERMISSIONS, for instance world:anyone:r, auth::cdrwa") { text throws(Fault) in
            var list: [ZNodeACL] = []
            for entry in text.split(whereSeparator: { $0 == "," || $0.isWhitespace }) {
                guard let first = entry.firstIndex(of: ":"), let last = entry.lastIndex(of: ":"), first != last else {
                    throw Fault("'\(entry)' has not three parts")
                }
                var permissions: ZNodeACL.Permissions = []
                for letter in entry[last...].dropFirst() {
                    switch letter {
                    case "c": permissions.insert(.create)
                    case "d": permissions.insert(.delete)
                    case "r": permissions.insert(.read)
                    case "w": permissions.insert(.write)
                    case "a": permissions.insert(.admin)
                    default: throw Fault("permissions are letters of cdrwa, and '\(letter)' is none")
                    }
                }
                guard !permissions.isEmpty else { throw Fault("'\(entry)' permits nothing") }
                list.append(
                    ZNodeACL(
                        permissions,
                        scheme: String(entry[..<first]),
                        identity: String(entry[entry.index(after: first)..<last])
                    )
                )
            }
            guard !list.isEmpty else { throw Fault() }
            return list
        }
    }
}
