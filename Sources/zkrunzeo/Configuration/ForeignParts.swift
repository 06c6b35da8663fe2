//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ZConfig
import ZODBStorage

/// Parts of configurations that are somebody else's: which of them mean nothing here, and what to say about the others.
enum ForeignParts {
    /// What to do in place of Python packages that ZEO servers import.
    private static let packages = [
        "relstorage": "RelStorage keeps objects in an SQL database, and its clients do without a ZEO server. To serve "
            + "the objects with zkrunzeo, copy them into a file storage with RelStorage's zodbconvert",
        "zc.zrs": "replicate the data file by other means; zc.zrs itself needs Python",
        "tempstorage": "use <mappingstorage> in place of <temporarystorage>: both are in memory",
        "zodb.tests": "the storages of ZODB's tests are Python classes",
        "zeo.tests": "the storages of ZEO's tests are Python classes",
        "cipher.encryptingstorage": "encrypt the disk, or the file system, in place of the records",
        "newt.db": "Newt DB's storage is RelStorage; its clients do without a ZEO server",
    ]

    /// Types of sections that stand in configurations of others, without an import.
    private static let sections = [
        "zodb_db": "is for Zope, the client; a server takes the storage that is in it",
        "zodb": "is for clients; a server takes the storage that is in it",
        "relstorage": "is RelStorage, a Python package; its clients do without a ZEO server",
        "hexstorage": "is a Python class of ZODB's tests",
        "temporarystorage": "is a Python package; use <mappingstorage>",
        "logger": "is not for servers, in Python neither; there is one log, <eventlog>",
        "environment": "is for Zope; set variables where the server is started",
    ]

    /// Keys of `<zeo>` that servers had before version 5.
    private static let retiredKeys = [
        "monitor-address": "was removed from ZEO 5; remove it, and ask the server with 'ruok' at its address",
        "authentication-protocol": "was removed from ZEO 5; remove it, and let clients show certificates: see <ssl>",
        "authentication-database": "was removed from ZEO 5; remove it, and let clients show certificates: see <ssl>",
        "authentication-realm": "was removed from ZEO 5; remove it, and let clients show certificates: see <ssl>",
    ]

    /// Refuses imports of packages that would have to run.
    static func check(_ imports: [Configuration.Import]) throws(ConfigurationError) {
        for foreign in imports where !StorageSections.pythonPackages.contains(foreign.package.lowercased()) {
            let hint =
                Self.packages[foreign.package.lowercased()]
                ?? "only the sections that Documentation/configuration.md names can be used. Remove the %import and the "
                + "sections that need it"
            throw ConfigurationError(
                at: foreign.position,
                "the Python package '\(foreign.package)' cannot be imported here: \(hint)"
            )
        }
    }

    /// Refuses sections that are known to be another program's, unless `own` has that type.
    static func check(sections: [ConfigurationSection], own: [String]) throws(ConfigurationError) {
        for section in sections where !own.contains(section.type) {
            guard let reason = Self.sections[section.type] else { continue }
            throw ConfigurationError(at: section.position, "<\(section.type)> \(reason)")
        }
    }

    /// Refuses keys of `<zeo>` that are no more.
    static func check(serverKeys keys: [ConfigurationSection.Key]) throws(ConfigurationError) {
        for key in keys {
            guard let reason = Self.retiredKeys[key.name.lowercased()] else { continue }
            throw ConfigurationError(at: key.position, "'\(key.name)' \(reason)")
        }
    }
}
