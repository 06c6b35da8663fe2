//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ZConfig
import ZODB
import ZODBStorage

/// `<zodb>`: a database and the storage in it, read and found right.
struct DatabaseSection {
    private let opener: StorageSections.Opener
    private let cacheSize: Int

    /// Python's default where there is a section.
    private static let defaultCacheSize = 5000

    /// Keys that Python has and that say nothing to a database here, and what to do about each.
    private static let refused = [
        "class-factory":
            "names a Python function, which cannot run here; register types for Python's classes in its place",
        "cache-size-bytes": "counts bytes, and this database counts objects; remove it, and see 'cache-size'",
        "large-record-size": "warns of large records, and this database does not; remove it",
        "pool-size": "bounds a pool, and this database makes connections as they are asked for; remove it",
        "pool-timeout": "is for a pool, and this database makes connections as they are asked for; remove it",
        "historical-pool-size": "is for historical connections, and this database has none; remove it",
        "historical-cache-size": "is for historical connections, and this database has none; remove it",
        "historical-cache-size-bytes": "is for historical connections, and this database has none; remove it",
        "historical-timeout": "is for historical connections, and this database has none; remove it",
        "database-name": "is for several databases, and this one stands alone; remove it",
        "allow-implicit-cross-references": "is for several databases, and this one stands alone; remove it",
    ]

    init(_ section: ConfigurationSection, _ sections: StorageSections) throws(ConfigurationError) {
        for key in section.keys {
            guard let reason = Self.refused[key.name.lowercased()] else { continue }
            throw ConfigurationError(at: key.position, "'\(key.name)' \(reason)")
        }
        try section.rejectUnknown(keys: ["cache-size"], sections: sections.types)
        self.cacheSize = try section.optional("cache-size", as: .integer.atLeast(0)) ?? Self.defaultCacheSize
        var storage = section
        storage.keys = []
        self.opener = try ConfigurationText.storage(in: storage, sections)
    }

    func open() async throws -> Database {
        let storage = try await self.opener.open()
        do {
            return try await Database.open(storage, cacheSize: self.cacheSize)
        } catch {
            try? await storage.close()
            throw error
        }
    }
}
