//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging
import ZConfig
import ZODBStorage

/// A section that opens a client: `<clientstorage>`, `<zeoclient>` or `<zkzeoclient>`, read and found right.
struct ClientSection {
    enum Servers {
        case fixed([ServerAddress])
        case registered(zooKeeper: String, path: String)
    }

    var servers: Servers
    var options: ClientOptions

    /// Reads a section of one of the three types.
    init(
        _ section: ConfigurationSection,
        logger: Logger?,
        environment: [String: String]
    ) throws(ConfigurationError) {
        guard let type = ClientSectionType(rawValue: section.type) else { preconditionFailure("no client's section") }
        try ClientSectionKeys.check(section, type)
        var options = ClientOptions()
        if let logger { options.logger = logger }
        try Self.readBasics(section, &options)
        try Self.readConnecting(section, &options)
        try Self.readStores(section, &options)
        if let tls = try section.optionalSection("ssl") {
            options.tls = try ClientSSLSection.read(tls, environment: environment)
        }
        self.servers = type == .zkzeoclient ? try Self.path(section) : .fixed(try Self.addresses(section))
        if case .fixed(let servers) = self.servers, let tls = options.tls { try Self.check(tls, servers, section) }
        self.options = options
    }

    /// A client that is not running yet.
    func storage() -> ClientStorage {
        switch self.servers {
        case .fixed(let servers): ClientStorage(servers: servers, options: self.options)
        case .registered(let zooKeeper, let path):
            ClientStorage(zooKeeper: zooKeeper, path: path, options: self.options)
        }
    }

    // MARK: Options

    private static func readBasics(
        _ section: ConfigurationSection,
        _ options: inout ClientOptions
    ) throws(ConfigurationError) {
        options.storage = try section.optional("storage", as: .string) ?? options.storage
        options.name = try section.optional("name", as: .string).flatMap { $0.isEmpty ? nil : $0 }
        options.cacheSize = try section.optional("cache-size", as: .byteSize.atLeast(0)) ?? options.cacheSize
        options.clientLabel = try section.optional("client-label", as: .string).flatMap { $0.isEmpty ? nil : $0 }
        options.serverSync = try section.optional("server-sync", as: .boolean) ?? options.serverSync
        options.readOnly = try section.optional("read-only", as: .boolean) ?? options.readOnly
        options.readOnlyFallback = try section.optional("read-only-fallback", as: .boolean) ?? options.readOnlyFallback
        guard !(options.readOnly && options.readOnlyFallback) else {
            throw ConfigurationError(
                at: section.position(of: "read-only-fallback"),
                "'read-only' and 'read-only-fallback' exclude each other; remove one of them"
            )
        }
        // Either way what cannot be verified quickly is dropped: servers offer nothing else since ZEO 5.
        _ = try section.optional("drop-cache-rather-verify", as: .boolean)
    }

    private static func readConnecting(
        _ section: ConfigurationSection,
        _ options: inout ClientOptions
    ) throws(ConfigurationError) {
        options.wait = try section.optional("wait", as: .boolean) ?? options.wait
        if let limit = try section.optional("wait-timeout", as: .integer.atLeast(0)) {
            options.waitTimeout = .seconds(limit)
        }
        options.sessionTimeout = try section.optional("session-timeout", as: .sessionTimeout) ?? options.sessionTimeout
        if try section.optional("keep-removed-addresses", as: .boolean) == false {
            options.removedAddresses = .forgotten
        }
        let first = try section.optional("min-disconnect-poll", as: .integer.atLeast(1))
        let limit = try section.optional("max-disconnect-poll", as: .integer.atLeast(1))
        if let limit { options.reconnectDelay.limit = .seconds(limit) }
        if let first { options.reconnectDelay.first = .seconds(first) }
    }

    /// What is kept on disk.
    private static func readStores(
        _ section: ConfigurationSection,
        _ options: inout ClientOptions
    ) throws(ConfigurationError) {
        let path = try section.optional("cache-path", as: .string) ?? ""
        let client = try section.optional("client", as: .string) ?? ""
        let folder = try section.optional("var", as: .string) ?? "."
        if !path.isEmpty {
            options.cachePath = path
        } else if !client.isEmpty {
            // Not the name that Python gives to its cache, which is a file of another kind.
            options.cachePath = "\(folder)/\(client)-\(options.storage).zkzeo"
        }
        let blobDirectory = try section.optional("blob-dir", as: .string) ?? ""
        if !blobDirectory.isEmpty { options.blobDirectory = blobDirectory }
        options.sharedBlobDirectory = try section.optional("shared-blob-dir", as: .boolean) ?? false
        options.blobCacheSize = try section.optional("blob-cache-size", as: .byteSize.atLeast(0))
        let check = try section.optional("blob-cache-size-check", as: .integer.atLeast(0))
        options.blobCacheSizeCheck = check ?? options.blobCacheSizeCheck
    }

    // MARK: Servers

    private static func addresses(_ section: ConfigurationSection) throws(ConfigurationError) -> [ServerAddress] {
        let found = try section.values("server", as: .socketConnectionAddress)
        guard !found.isEmpty else {
            throw ConfigurationError(
                at: section.position,
                "\(section.header) needs a key 'server', PORT, HOST:PORT, [IPV6]:PORT or the path of a unix socket"
            )
        }
        var addresses: [ServerAddress] = []
        for address in found {
            switch address {
            case .unix(let path): addresses.append(.unix(path: path))
            case .internet(let host, let port?) where port > 0:
                addresses.append(.internet(ServiceAddress(host: host, port: port)))
            case .internet(let host, _):
                throw ConfigurationError(
                    at: section.position(of: "server"),
                    "'server' needs the port of the server: \(host):PORT"
                )
            }
        }
        return addresses
    }

    private static func path(_ section: ConfigurationSection) throws(ConfigurationError) -> Servers {
        let zooKeeper = try section.value("zookeeper", as: .zooKeeperConnection)
        let path = try section.value("server", as: .zooKeeperPath)
        return .registered(zooKeeper: zooKeeper, path: path)
    }

    private static func check(
        _ tls: ClientOptions.TLS,
        _ servers: [ServerAddress],
        _ section: ConfigurationSection
    ) throws(ConfigurationError) {
        guard tls.checksHostname, tls.serverHostname == nil else { return }
        for case .unix(let path) in servers {
            throw ConfigurationError(
                at: section.position(of: "server"),
                "\(path) has no host name that the server's certificate could be for; say it with 'server-hostname' in "
                    + "<ssl>, or switch 'check-hostname' off"
            )
        }
    }
}
