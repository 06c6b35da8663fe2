//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ZConfig

/// The types of sections that open a client.
enum ClientSectionType: String, CaseIterable {
    /// ZEO's.
    case clientstorage
    /// ZODB's.
    case zeoclient
    /// zc.zkzeo's.
    case zkzeoclient
}

/// Which keys the sections of clients have.
enum ClientSectionKeys {
    private static let shared = [
        "server", "storage", "name", "cache-size", "blob-dir", "shared-blob-dir", "blob-cache-size",
        "blob-cache-size-check", "read-only", "read-only-fallback", "client-label",
    ]
    private static let modern = ["cache-path", "server-sync", "wait-timeout"]
    private static let classic = [
        "client", "var", "min-disconnect-poll", "max-disconnect-poll", "wait", "drop-cache-rather-verify",
    ]
    private static let credentials = ["username", "password", "realm"]

    /// Refuses keys and sections that a section of that type does not have.
    static func check(_ section: ConfigurationSection, _ type: ClientSectionType) throws(ConfigurationError) {
        for key in section.keys where type != .clientstorage {
            guard Self.credentials.contains(key.name.lowercased()) else { continue }
            throw ConfigurationError(
                at: key.position,
                "'\(key.name)': ZEO has had no passwords since version 5; remove the key, and let the server know the client "
                    + "by its certificate: see <ssl> of \(type == .zkzeoclient ? "this section" : "<clientstorage>")"
            )
        }
        switch type {
        case .clientstorage: try section.rejectUnknown(keys: Self.shared + Self.modern, sections: ["ssl"])
        case .zeoclient: try section.rejectUnknown(keys: Self.shared + Self.classic)
        case .zkzeoclient:
            // Beyond zc.zkzeo's also those that `<clientstorage>` has, as there is no other section for ZooKeeper.
            try section.rejectUnknown(
                keys: ["zookeeper", "session-timeout", "keep-removed-addresses"] + Self.shared + Self.classic
                    + Self.modern,
                sections: ["ssl"]
            )
        }
    }
}
