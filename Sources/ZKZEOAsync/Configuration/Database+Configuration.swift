//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ZConfig
public import ZODB
public import ZODBStorage

extension Database {
    /// Opens the database that a configuration describes, in the text that Python's `ZODB.config.databaseFromString` takes.
    ///
    /// ```swift
    /// let database = try await Database.open(
    ///     configuration: """
    ///         %import zc.zkzeo
    ///         <zodb>
    ///           <zkzeoclient>
    ///             zookeeper zookeeper.example.com:2181
    ///             server /databases/demo
    ///           </zkzeoclient>
    ///         </zodb>
    ///         """
    /// )
    /// ```
    ///
    /// Throws `ConfigurationError` with the line of what is not right, and whatever opening the storage throws.
    ///
    /// - Parameters:
    ///   - text: One `<zodb>` section, and perhaps directives before it.
    ///   - file: What messages call the text; files that it includes are found beside it.
    ///   - sections: The types of storages that are known.
    public static func open(
        configuration text: String,
        file: String = "the text",
        sections: StorageSections = .withClients
    ) async throws -> Database {
        let root = try ConfigurationText.parse(text, file: file)
        try root.rejectUnknown(sections: ["zodb"])
        return try await DatabaseSection(try root.section("zodb"), sections).open()
    }

    /// Opens the database that a file describes; see ``open(configuration:file:sections:)``.
    public static func open(
        configurationFile path: String,
        sections: StorageSections = .withClients
    ) async throws -> Database {
        try await self.open(configuration: try ConfigurationText.read(path), file: path, sections: sections)
    }
}
