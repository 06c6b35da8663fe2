//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging
import ZConfig
import ZODBStorage

/// A configuration file of runzeo or zkrunzeo, read and understood.
struct ConfigurationFile {
    var zeo: ZEOSection
    var zooKeeper: ZooKeeperSection?
    var eventLog: EventLogSection?
    private let root: ConfigurationSection

    /// Packages that configurations import for the sections that are built in here.
    private static let knownPackages = [
        "zc.zkzeo", "zeo", "zodb", "zconfig.components.logger", "zconfig.components.basic", "zdaemon",
    ]

    /// Reads the file at `path`. The command line's address, if there is one, takes the place of the file's.
    init(path: String, address: ConfigurationAddress?, environment: [String: String]) throws(ConfigurationError) {
        let configuration = try Configuration(
            parsing: try Self.text(path),
            file: path,
            environment: { environment[$0] },
            reading: { try Self.text($0) }
        )
        for package in configuration.imports where !Self.knownPackages.contains(package.package.lowercased()) {
            throw ConfigurationError(
                at: package.position,
                "the Python package '\(package.package)' cannot be imported here: only the sections that zkrunzeo --help "
                    + "and the README name can be used. Remove the %import and the sections that need it"
            )
        }
        let root = configuration.root
        let storageTypes = StorageSections.standard.types
        try root.rejectUnknown(sections: ["zeo", "zookeeper", "eventlog", "runner"] + storageTypes)
        self.zeo = try ZEOSection(try root.section("zeo"), address: address)
        self.zooKeeper = try root.optionalSection("zookeeper").map { section throws(ConfigurationError) in
            try ZooKeeperSection(section, defaultConnection: environment["ZC_ZK_CONNECTION_STRING"])
        }
        self.eventLog = try root.optionalSection("eventlog").map(EventLogSection.init)
        // <runner> is for the program that supervises the server.
        _ = try root.optionalSection("runner")
        self.root = root
    }

    private static func text(_ path: String) throws(ConfigurationError) -> String {
        do {
            return try String(contentsOfFile: path, encoding: .utf8)
        } catch {
            throw ConfigurationError(file: path, message: "cannot be read: \(error.systemReason)")
        }
    }

    /// The storage sections, with the names that clients use: the section's, or "1" for the one without a name.
    func storages(loggingTo logger: Logger) throws(ConfigurationError) -> [RunConfiguration.NamedStorage] {
        var sections = StorageSections.standard
        sections.logger = logger
        var storages: [RunConfiguration.NamedStorage] = []
        for section in self.root.sections where sections.types.contains(section.type) {
            let opener = try sections.opener(for: section)
            let name = section.name ?? "1"
            guard !storages.contains(where: { $0.name == name }) else {
                throw ConfigurationError(
                    at: section.position,
                    "there is a storage '\(name)' already; give \(section.header) another name. A storage without a "
                        + "name is called '1'"
                )
            }
            storages.append(RunConfiguration.NamedStorage(name: name, file: opener.writableFile, open: opener.open))
        }
        guard !storages.isEmpty else {
            let types = sections.types.map { "<\($0)>" }.joined(separator: " or ")
            throw ConfigurationError(at: self.root.position, "there is no storage to serve; add a section \(types)")
        }
        return storages
    }
}
