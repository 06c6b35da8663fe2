//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

package import ZConfig

extension StorageSections {
    private static let fileStorageKeys = [
        "path", "create", "read-only", "quota", "blob-dir", "pack-gc", "pack-keep-old",
        "sync-twice",
    ]

    /// `<filestorage>`: a storage in a data file.
    ///
    /// Keys as in ZODB: `path`, in a directory that exists; `create` and `read-only`, both off unless said otherwise;
    /// `quota`, a size; `pack-gc` and `pack-keep-old`, both on unless said otherwise. `blob-dir` is the directory for
    /// blobs, made where it is missing; without it, or when it is empty, there are no blobs. `packer` is refused. And one
    /// that ZODB does not have: `sync-twice`, off unless said otherwise.
    @Sendable static func fileStorage(
        _ section: ConfigurationSection,
        _ sections: StorageSections
    ) throws(ConfigurationError) -> Opener {
        if let packer = try section.optional("packer", as: .string), !packer.isEmpty {
            throw ConfigurationError(
                at: section.position(of: "packer"),
                "'packer' names a Python object, '\(packer)', which cannot run here; remove it: \(section.header) packs "
                    + "by itself"
            )
        }
        try section.rejectUnknown(keys: Self.fileStorageKeys + ["packer"])
        var configuration = FileStorageConfiguration(
            path: try section.value("path", as: .existingDirpath(.system)),
            create: try section.optional("create", as: .boolean) ?? false,
            readOnly: try section.optional("read-only", as: .boolean) ?? false,
            quota: try section.optional("quota", as: .byteSize.atLeast(0))
        )
        configuration.packGC = try section.optional("pack-gc", as: .boolean) ?? true
        configuration.packKeepOld = try section.optional("pack-keep-old", as: .boolean) ?? true
        configuration.synchronizesTwice = try section.optional("sync-twice", as: .boolean) ?? false
        let blobDirectory = try section.optional("blob-dir", as: .existingDirpath(.system))
        configuration.blobDirectory = blobDirectory.flatMap { $0.isEmpty ? nil : $0 }
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
        return Opener(writableFiles: configuration.readOnly ? [] : [configuration.path]) { [configuration] in
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
    package static let system = FileQuestions(
        exists: { FileSystem.exists($0) },
        isDirectory: { FileSystem.isFolder($0) },
        home: { FileSystem.home(of: $0) }
    )
}
