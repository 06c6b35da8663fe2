//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ZConfig

/// A value that the command line gives a key of the file (`-X zeo/address=8100`), as in all programs that use ZConfig.
enum ConfigurationOverride {
    /// Gives keys their values. Several values for one key make a list of them, as in the file.
    static func apply(_ overrides: [String], to root: inout ConfigurationSection) throws(ConfigurationError) {
        var keys: [(path: [String], value: String)] = []
        for text in overrides {
            guard let equals = text.firstIndex(of: "=") else {
                throw ConfigurationError(message: "-X \(text): expected SECTION/KEY=VALUE")
            }
            let path = text[..<equals].split(separator: "/", omittingEmptySubsequences: false).map(String.init)
            guard !path.contains("") else {
                throw ConfigurationError(message: "-X \(text): a part of the path is empty; expected SECTION/KEY=VALUE")
            }
            keys.append((path, String(text[equals...].dropFirst())))
        }
        var done: Set<[String]> = []
        for (path, value) in keys {
            let isFirst = done.insert(path.map { $0.lowercased() }).inserted
            try self.set(path[...], value, replacing: isFirst, in: &root)
        }
    }

    private static func set(
        _ path: ArraySlice<String>,
        _ value: String,
        replacing: Bool,
        in section: inout ConfigurationSection
    ) throws(ConfigurationError) {
        guard let first = path.first else { return }
        let name = first.lowercased()
        guard path.count > 1 else {
            if replacing { section.keys.removeAll { $0.name.lowercased() == name } }
            let position = ConfigurationPosition(file: "-X \(first)", line: 1)
            return section.keys.append(.init(name: first, value: value, position: position))
        }
        let found = section.sections.indices.filter { section.sections[$0].name == name }
        let matches = found.isEmpty ? section.sections.indices.filter { section.sections[$0].type == name } : found
        guard matches.count == 1, let index = matches.first else {
            throw ConfigurationError(
                message: "-X \(first)/…: \(section.header) has \(matches.count) sections of that name or type"
            )
        }
        try self.set(path.dropFirst(), value, replacing: replacing, in: &section.sections[index])
    }
}
