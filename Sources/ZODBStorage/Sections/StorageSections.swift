//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import Logging
public import ZConfig

/// The types of sections that open storages, by name: what may stand in a configuration file as `<filestorage>`, and
/// what it means.
///
/// Each part of the system adds the types that it can open, so that none needs to know the others:
///
/// ```swift
/// var sections = StorageSections.standard
/// sections.add("zeoclient") { section, _ in … }
/// let storage = try await sections.opener(for: section).open()
/// ```
public struct StorageSections: Sendable {
    /// A storage section that has been read and found right, and nothing of it opened yet.
    public struct Opener: Sendable {
        /// The paths of the files that the storage will have open for writing.
        public var writableFiles: [String]

        /// The first of them, where there is one.
        public var writableFile: String? { self.writableFiles.first }

        /// Opens the storage.
        public var open: @Sendable () async throws -> any Storage

        /// A storage that `open` opens.
        public init(
            writableFiles: [String] = [],
            open: @escaping @Sendable () async throws -> any Storage
        ) {
            self.writableFiles = writableFiles
            self.open = open
        }
    }

    /// Reads a section of one type. The table comes along for sections that have storage sections in them.
    public typealias Reader =
        @Sendable (ConfigurationSection, StorageSections) throws(ConfigurationError) -> Opener

    /// Where storages report what they find when they are opened. Default: nowhere.
    public var logger: Logger?

    /// Who is told how storages write. Default: nobody.
    public var writeObserver: (any StorageWriteObserver)?

    /// The Python packages whose sections are built in here, or that only change how Python runs: `%import` of one of them
    /// means nothing.
    package static let pythonPackages: Set<String> = [
        "zeo", "zodb", "zc.zkzeo", "zc.zlibstorage", "zc.beforestorage", "zdaemon", "zconfig.components.logger",
        "zconfig.components.basic",
    ]

    private var readers: [String: Reader] = [:]

    /// A table without types.
    public init() {}

    /// The types that this module opens: those of ZODB (`filestorage`, `mappingstorage`, `blobstorage`, `demostorage`), of
    /// zc.zlibstorage (`zlibstorage`, `serverzlibstorage`) and of zc.beforestorage (`before`).
    public static let standard: StorageSections = {
        var sections = StorageSections()
        sections.add("filestorage", Self.fileStorage)
        sections.add("mappingstorage", Self.mappingStorage)
        sections.add("blobstorage", Self.blobStorage)
        sections.add("demostorage", Self.demoStorage)
        sections.add("zlibstorage", Self.zlibStorage)
        sections.add("serverzlibstorage", Self.serverZlibStorage)
        sections.add("before", Self.beforeStorage)
        return sections
    }()

    /// The names of the types, sorted.
    public var types: [String] { self.readers.keys.sorted() }

    /// Adds a type, or gives it another meaning. Names are compared without case.
    public mutating func add(_ type: String, _ reader: @escaping Reader) {
        self.readers[type.lowercased()] = reader
    }

    /// Reads a section and opens nothing yet.
    ///
    /// Throws `ConfigurationError`, with the line, where the section is not right or its type is unknown.
    public func opener(for section: ConfigurationSection) throws(ConfigurationError) -> Opener {
        guard let reader = self.readers[section.type] else {
            let known = self.types.map { "<\($0)>" }.joined(separator: ", ")
            throw ConfigurationError(
                at: section.position,
                "\(section.header) is no section for a storage; there are \(known)"
            )
        }
        return try reader(section, self)
    }
}
