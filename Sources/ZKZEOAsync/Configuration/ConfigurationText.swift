//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
package import ZConfig
import ZODBStorage

/// The text of a configuration for storages and databases, as Python's `ZODB.config` takes it.
package enum ConfigurationText {
    /// Reads a text. Files that it includes are found beside `file`, and imports must be of packages that are known here.
    static func parse(_ text: String, file: String) throws(ConfigurationError) -> ConfigurationSection {
        let environment = ProcessInfo.processInfo.environment
        let configuration = try Configuration(
            parsing: text,
            file: file,
            environment: { environment[$0] },
            reading: { try Self.read($0) }
        )
        for package in configuration.imports
        where !StorageSections.pythonPackages.contains(package.package.lowercased()) {
            throw ConfigurationError(
                at: package.position,
                "the Python package '\(package.package)' cannot be imported here; remove the %import and the sections that "
                    + "need it"
            )
        }
        return configuration.root
    }

    /// The text of a file, by its path or as `file:///PATH`.
    package static func read(_ name: String) throws(ConfigurationError) -> String {
        let path = name.hasPrefix("file://") ? String(name.dropFirst("file://".count)) : name
        guard !path.contains("://") else {
            throw ConfigurationError(file: name, message: "cannot be fetched: name a file on this machine")
        }
        do {
            return try String(contentsOfFile: path, encoding: .utf8)
        } catch {
            throw ConfigurationError(file: path, message: "cannot be read: \(error.systemReason)")
        }
    }

    /// The one section of `root` that is a storage, and nothing beside it.
    static func storage(
        in root: ConfigurationSection,
        _ sections: StorageSections
    ) throws(ConfigurationError) -> StorageSections.Opener {
        try root.rejectUnknown(sections: sections.types)
        guard let section = root.sections.first else {
            let types = sections.types.map { "<\($0)>" }.joined(separator: ", ")
            throw ConfigurationError(at: root.position, "\(root.header) needs a section for a storage, one of \(types)")
        }
        if root.sections.count > 1 {
            throw ConfigurationError(
                at: root.sections[1].position,
                "a second storage, \(root.sections[1].header); \(root.header) takes one, and has one at line "
                    + "\(section.position.line)"
            )
        }
        return try sections.opener(for: section)
    }
}
