//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Logging
import ZConfig
import ZODB
import ZODBStorage

/// `<zodb>`: a database and the storage in it, read and found right.
struct DatabaseSection {
    private let opener: StorageSections.Opener
    private let options: DatabaseOptions

    private static let keys = [
        "cache-size", "cache-size-bytes", "large-record-size", "pool-size", "pool-timeout", "historical-pool-size",
        "historical-cache-size", "historical-cache-size-bytes", "historical-timeout", "database-name",
        "allow-implicit-cross-references", "class-factory",
    ]

    init(_ section: ConfigurationSection, _ sections: StorageSections) throws(ConfigurationError) {
        try section.rejectUnknown(keys: Self.keys, sections: sections.types)
        if try section.optional("class-factory", as: .string) != nil {
            throw ConfigurationError(
                at: section.position(of: "class-factory"),
                "'class-factory' names a Python function, which cannot run here; register types for Python's classes in its "
                    + "place"
            )
        }
        if try section.optional("allow-implicit-cross-references", as: .boolean) == true {
            throw ConfigurationError(
                at: section.position(of: "allow-implicit-cross-references"),
                "'allow-implicit-cross-references': references into other databases are read here and never made; remove it"
            )
        }
        self.options = try Self.options(section, sections.logger)
        var storage = section
        storage.keys = []
        self.opener = try ConfigurationText.storage(in: storage, sections)
    }

    private static func options(
        _ section: ConfigurationSection,
        _ logger: Logger?
    ) throws(ConfigurationError) -> DatabaseOptions {
        let count = Datatype<Int>.integer.atLeast(0)
        let size = Datatype<Int>.byteSize.atLeast(0)
        var options = DatabaseOptions()
        // Python's default where there is a section.
        options.cacheSize = try section.optional("cache-size", as: count) ?? 5000
        options.cacheSizeBytes = try section.optional("cache-size-bytes", as: size) ?? options.cacheSizeBytes
        options.largeRecordSize = try section.optional("large-record-size", as: size) ?? options.largeRecordSize
        options.poolSize = try section.optional("pool-size", as: count) ?? options.poolSize
        options.poolTimeout = try section.optional("pool-timeout", as: .timeInterval)
        options.historicalPoolSize =
            try section.optional("historical-pool-size", as: count) ?? options.historicalPoolSize
        options.historicalCacheSize =
            try section.optional("historical-cache-size", as: count) ?? options.historicalCacheSize
        options.historicalCacheSizeBytes =
            try section.optional("historical-cache-size-bytes", as: size) ?? options.historicalCacheSizeBytes
        options.historicalTimeout = try section.optional("historical-timeout", as: .timeInterval) ?? .seconds(300)
        options.name = try section.optional("database-name", as: .nonEmptyString) ?? section.name ?? options.name
        if let logger { options.logger = logger }
        return options
    }

    func open() async throws -> Database {
        let storage = try await self.opener.open()
        do {
            return try await Database.open(storage, options: self.options)
        } catch {
            try? await storage.close()
            throw error
        }
    }
}
