//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ZConfig

extension StorageSections {
    private static let fileStorageKeys = ["path", "create", "read-only", "quota", "pack-gc", "pack-keep-old"]

    /// Keys of Python's `<filestorage>` that would change what is stored, and that nothing here answers for yet.
    private static let unsupportedFileStorageKeys = ["blob-dir", "packer"]

    /// `<filestorage>`: a storage in a data file.
    ///
    /// Keys as in ZODB: `path`, in a directory that exists; `create` and `read-only`, both off unless said otherwise;
    /// `quota`, a size; `pack-gc` and `pack-keep-old`, both on unless said otherwise. `blob-dir` (unless empty) and
    /// `packer` are refused.
    @Sendable static func fileStorage(
        _ section: ConfigurationSection,
        _ sections: StorageSections
    ) throws(ConfigurationError) -> Opener {
        for key in Self.unsupportedFileStorageKeys {
            guard let value = try section.optional(key, as: .string), !value.isEmpty else { continue }
            throw ConfigurationError(
                at: section.position(of: key),
                "'\(key)' is not supported yet in \(section.header); remove it"
            )
        }
        try section.rejectUnknown(keys: Self.fileStorageKeys + Self.unsupportedFileStorageKeys)
        var configuration = FileStorageConfiguration(
            path: try section.value("path", as: .existingDirpath(.system)),
            create: try section.optional("create", as: .boolean) ?? false,
            readOnly: try section.optional("read-only", as: .boolean) ?? false,
            quota: try section.optional("quota", as: .byteSize.atLeast(0))
        )
        configuration.packGC = try section.optional("pack-gc", as: .boolean) ?? true
        configuration.packKeepOld = try section.optional("pack-keep-old", as: .boolean) ?? true
        guard !configuration.path.isEmpty else {
            throw ConfigurationError(at: section.position(of: "path"), "'path' must be the path of a data file")
        }
        guard !(configuration.create && configuration.readOnly) else {
            throw ConfigurationError(
                at: section.position(of: "create"),
                "a file cannot be created for reading only; remove 'create' or 'read-only'"
            )
        }
        configuration.logger = sections.logger
        configuration.writeObserver = sections.writeObserver
        return Opener(writableFile: configuration.readOnly ? nil : configuration.path) { [configuration] in
            try await FileStorage.open(configuration)
        }
    }

    /// `<mappingstorage>`: a storage in memory. Its one key is `name`, which the storage calls itself.
    @Sendable static func mappingStorage(
        _ section: ConfigurationSection,
        _ sections: StorageSections
    ) throws(ConfigurationError) -> Opener {
        try section.rejectUnknown(keys: ["name"])
        let name = try section.optional("name", as: .string) ?? "Mapping Storage"
        return Opener { MappingStorage(name: name) }
    }
}

extension FileQuestions {
    /// The answers of the file system that this process sees.
    fileprivate static let system = FileQuestions(
        exists: { FileSystem.exists($0) },
        isDirectory: { FileSystem.isFolder($0) },
        home: { FileSystem.home(of: $0) }
    )
}
