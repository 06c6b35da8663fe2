//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging
import ZConfig
import ZKZEOAsync
import ZODBStorage

/// A storage as it is named on the command line.
enum StorageEndpoint: Hashable {
    /// A server, and which of its storages.
    case server(ServiceAddress, storage: String)
    /// A server that is registered at a path of ZooKeeper.
    case registered(zooKeeper: String, path: String, storage: String)
    /// A section of a configuration file; `nil` for the only one.
    case section(file: String, name: String?)
    /// A data file.
    case file(String)

    /// How storages are named, for `--help`.
    static let forms = """
        STORAGES are named so:
          Data.fs                        a data file (anything with a slash or without a port)
          zeo.conf, zeo.conf#main        the storage section of a configuration file (NAME.conf), or the one so named
          HOST:PORT, HOST:PORT#main      a running server, and its storage (default: 1)
          zk://HOST:PORT/PATH, …#main    a server that is registered at a path of ZooKeeper
        """

    /// Reads one of the forms.
    init(_ text: String) throws(StopReason) {
        let (place, fragment) = Self.split(text)
        if place.hasPrefix("zk://") {
            let rest = place.dropFirst(5)
            guard let slash = rest.firstIndex(of: "/"), slash > rest.startIndex, rest[slash...].count > 1 else {
                throw StopReason(.usage, "\(text): expected zk://HOST:PORT/PATH")
            }
            self = .registered(
                zooKeeper: String(rest[..<slash]),
                path: String(rest[slash...]),
                storage: fragment ?? "1"
            )
        } else if place.hasSuffix(".conf") {
            self = .section(file: place, name: fragment)
        } else if !place.contains("/"), !FileManager.default.fileExists(atPath: place),
            let address = ServiceAddress(place.hasPrefix(":") ? "127.0.0.1" + place : place)
        {
            self = .server(address, storage: fragment ?? "1")
        } else {
            self = .file(text)
        }
    }

    private static func split(_ text: String) -> (place: String, fragment: String?) {
        guard let hash = text.lastIndex(of: "#") else { return (text, nil) }
        return (String(text[..<hash]), String(text[text.index(after: hash)...]))
    }

    /// Opens the storage. Only to be read, a data file is not locked; to be written, it is made where there is none and
    /// `creates`.
    func open(readOnly: Bool, creates: Bool = false) async throws -> any Storage {
        let logger = EventLog(level: .warning).logger("zkrunzeo")
        switch self {
        case .server(let address, let storage):
            var options = ClientOptions()
            options.storage = storage
            options.readOnly = readOnly
            options.waitTimeout = .seconds(10)
            options.cacheSize = 0
            options.logger = logger
            return try await ClientStorage.open(addresses: [address], options: options)
        case .registered(let zooKeeper, let path, let storage):
            var options = ClientOptions()
            options.storage = storage
            options.readOnly = readOnly
            options.waitTimeout = .seconds(10)
            options.cacheSize = 0
            options.logger = logger
            return try await ZKZEO.client(zooKeeper, path, options: options)
        case .section(let file, let name):
            var sections = StorageSections.standard
            sections.logger = logger
            sections.addClients(logger: logger)
            return try await Self.opener(file, name, sections).open()
        case .file(let path):
            if !creates, !FileManager.default.fileExists(atPath: path) {
                throw StopReason(.storage, "there is no file \(path)")
            }
            return try await FileStorage.open(
                FileStorageConfiguration(path: path, readOnly: readOnly, logger: logger)
            )
        }
    }

    private static func opener(
        _ file: String,
        _ name: String?,
        _ sections: StorageSections
    ) throws(StopReason) -> StorageSections.Opener {
        do {
            let configuration = try Configuration(
                parsing: try Self.text(file),
                file: file,
                environment: { ProcessInfo.processInfo.environment[$0] },
                reading: { try Self.text($0) }
            )
            let found = Self.storages(in: configuration.root, sections.types)
            let named = name == nil ? found : found.filter { $0.name == name || $0.section.name == name }
            guard named.count == 1, let only = named.first else {
                let names = found.map { "'\($0.name)'" }.joined(separator: ", ")
                throw StopReason(
                    .configuration,
                    found.isEmpty
                        ? "\(file) has no storage section"
                        : "\(file) has the storages \(names); say which one: \(file)#NAME"
                )
            }
            return try sections.opener(for: only.section)
        } catch let error as ConfigurationError {
            throw StopReason(.configuration, "\(error)")
        } catch let error as StopReason {
            throw error
        } catch {
            throw StopReason(.configuration, "\(file): \(error)")
        }
    }

    /// The storages of a server's configuration, and those of the databases of an application's.
    private static func storages(
        in section: ConfigurationSection,
        _ types: [String],
        database: String? = nil
    ) -> [(name: String, section: ConfigurationSection)] {
        section.sections.flatMap { inner -> [(name: String, section: ConfigurationSection)] in
            if types.contains(inner.type) { return [(database ?? inner.name ?? "1", inner)] }
            return ["zodb", "zodb_db"].contains(inner.type)
                ? Self.storages(in: inner, types, database: inner.name ?? "1") : []
        }
    }

    private static func text(_ path: String) throws(ConfigurationError) -> String {
        do {
            return try String(contentsOfFile: path, encoding: .utf8)
        } catch {
            throw ConfigurationError(file: path, message: "cannot be read: \(error.systemReason)")
        }
    }
}
