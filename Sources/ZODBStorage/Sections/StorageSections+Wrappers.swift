//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ZConfig
import ZODBFormat

extension StorageSections {
    /// `<blobstorage>`: blobs in a directory, `blob-dir`, beside the records of the storage in it.
    @Sendable static func blobStorage(
        _ section: ConfigurationSection,
        _ sections: StorageSections
    ) throws(ConfigurationError) -> Opener {
        try section.rejectUnknown(keys: ["blob-dir"], sections: sections.types)
        let directory = try section.value("blob-dir", as: .nonEmptyString)
        let logger = sections.logger
        return try sections.wrapper(section) { try BlobStorage($0, blobDirectory: directory, logger: logger) }
    }

    /// `<zlibstorage>`: the records of the storage in it are compressed, unless `compress` is off.
    @Sendable static func zlibStorage(
        _ section: ConfigurationSection,
        _ sections: StorageSections
    ) throws(ConfigurationError) -> Opener {
        try section.rejectUnknown(keys: ["compress"], sections: sections.types)
        let compresses = try section.optional("compress", as: .boolean) ?? true
        return try sections.wrapper(section) { ZlibStorage($0, compresses: compresses) }
    }

    /// `<serverzlibstorage>`: the clients compress the records of the storage in it. `compress` is checked and otherwise
    /// without effect, as in Python.
    @Sendable static func serverZlibStorage(
        _ section: ConfigurationSection,
        _ sections: StorageSections
    ) throws(ConfigurationError) -> Opener {
        try section.rejectUnknown(keys: ["compress"], sections: sections.types)
        _ = try section.optional("compress", as: .boolean)
        return try sections.wrapper(section) { ServerZlibStorage($0) }
    }

    /// `<before>`: the storage in it as it was at the time `before`, or at the one that the file `before-from-file` says;
    /// of neither, as it is when it is opened.
    @Sendable static func beforeStorage(
        _ section: ConfigurationSection,
        _ sections: StorageSections
    ) throws(ConfigurationError) -> Opener {
        try section.rejectUnknown(keys: ["before", "before-from-file"], sections: sections.types)
        let time = try section.optional("before", as: .beforeTime)
        let file = try section.optional("before-from-file", as: .string).flatMap { $0.isEmpty ? nil : $0 }
        guard time == nil || file == nil else {
            throw ConfigurationError(
                at: section.position(of: "before-from-file"),
                "\(section.header) takes one of 'before' and 'before-from-file', not both; remove one"
            )
        }
        return try sections.wrapper(section) { base in
            BeforeStorage(base, before: try file.map(BeforeTime.limit(fromFile:)) ?? (time ?? .now).limit)
        }
    }

    /// `<demostorage>`: changes over a base. The section that is named `changes` is the storage for them, the other one,
    /// whatever its name, is the base; each may be missing. The key `name` is what the storage calls itself.
    @Sendable static func demoStorage(
        _ section: ConfigurationSection,
        _ sections: StorageSections
    ) throws(ConfigurationError) -> Opener {
        try section.rejectUnknown(keys: ["name"], sections: sections.types)
        let name = try section.optional("name", as: .string)
        var (base, changes): (Opener?, Opener?)
        for inner in section.sections {
            let opener = try sections.opener(for: inner)
            let isChanges = inner.name?.lowercased() == "changes"
            guard (isChanges ? changes : base) == nil else {
                throw ConfigurationError(
                    at: inner.position,
                    "\(inner.header) is a second storage for the \(isChanges ? "changes" : "base") of "
                        + "\(section.header), which takes one; remove it"
                        + (isChanges ? "" : ", or name the one for the changes 'changes'")
                )
            }
            if isChanges { changes = opener } else { base = opener }
        }
        return Opener(writableFiles: (base?.writableFiles ?? []) + (changes?.writableFiles ?? [])) { [base, changes] in
            let opened = try await base?.openLocal()
            return try await closing(
                opened,
                unless: {
                    let changes = try await changes?.openLocal()
                    return try await closing(
                        changes,
                        unless: {
                            try DemoStorage(name: name, base: opened, changes: changes)
                        }
                    )
                }
            )
        }
    }

    /// What opens the one storage in a section, and puts something around it.
    private func wrapper(
        _ section: ConfigurationSection,
        _ wrap: @escaping @Sendable (any LocalStorage) throws -> any Storage
    ) throws(ConfigurationError) -> Opener {
        guard let inner = section.sections.first else {
            let types = self.types.map { "<\($0)>" }.joined(separator: ", ")
            throw ConfigurationError(
                at: section.position,
                "\(section.header) needs a section for the storage in it, one of \(types)"
            )
        }
        if section.sections.count > 1 {
            throw ConfigurationError(
                at: section.sections[1].position,
                "a second \(section.sections[1].header); \(section.header) takes one storage, and has one at line "
                    + "\(inner.position.line)"
            )
        }
        let opener = try self.opener(for: inner)
        return Opener(writableFiles: opener.writableFiles) {
            let opened = try await opener.openLocal()
            return try await closing(opened, unless: { try wrap(opened) })
        }
    }
}

extension StorageSections.Opener {
    /// Opens the storage for one that is put around it.
    fileprivate func openLocal() async throws -> any LocalStorage {
        let storage = try await self.open()
        guard let local = storage as? any LocalStorage else {
            try await storage.close()
            throw StorageError.unsupported("be inside another storage, because it is remote", storage)
        }
        return local
    }
}

/// What `body` returns; when it throws, `storage` is closed.
private func closing<Result>(
    _ storage: (any LocalStorage)?,
    unless body: () async throws -> Result
) async throws -> Result {
    do {
        return try await body()
    } catch {
        try? await storage?.close()
        throw error
    }
}
