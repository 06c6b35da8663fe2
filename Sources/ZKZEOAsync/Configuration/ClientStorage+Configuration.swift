//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ZConfig
public import ZODBStorage

extension ClientStorage {
    /// Opens the storage that a configuration describes, in the text that Python's `ZODB.config.storageFromString` takes.
    ///
    /// ```swift
    /// let storage = try await ClientStorage.open(
    ///     configuration: """
    ///         %import zc.zkzeo
    ///         <zkzeoclient>
    ///           zookeeper zookeeper.example.com:2181
    ///           server /databases/demo
    ///         </zkzeoclient>
    ///         """
    /// )
    /// ```
    ///
    /// Besides clients every other storage of `StorageSections.standard` can be described; that is why this returns any.
    /// Throws `ConfigurationError` with the line of what is not right, and whatever opening the storage throws.
    ///
    /// - Parameters:
    ///   - text: One section, and perhaps directives before it.
    ///   - file: What messages call the text; files that it includes are found beside it.
    ///   - sections: The types of storages that are known.
    public static func open(
        configuration text: String,
        file: String = "the text",
        sections: StorageSections = .withClients
    ) async throws -> any Storage {
        let root = try ConfigurationText.parse(text, file: file)
        return try await ConfigurationText.storage(in: root, sections).open()
    }

    /// Opens the storage that a file describes; see ``open(configuration:file:sections:)``.
    public static func open(
        configurationFile path: String,
        sections: StorageSections = .withClients
    ) async throws -> any Storage {
        try await self.open(configuration: try ConfigurationText.read(path), file: path, sections: sections)
    }
}
