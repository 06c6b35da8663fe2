//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging
import ZConfig
import ZEOAsyncServer
import ZKZEOAsync
import ZODBStorage

/// A configuration file of runzeo or zkrunzeo, read and understood.
struct ConfigurationFile {
    var zeo: ZEOSection
    var zooKeeper: ZooKeeperSection?
    var eventLog: EventLogSection?
    private let root: ConfigurationSection

    /// Where the HTTP listener is.
    var metricsServer: ConfigurationAddress? { self.zeo.metricsServer ?? self.zooKeeper?.metricsServer }

    /// Reads the file at `path`. The command line's address and `overrides`, if there are any, take the place of what
    /// the file says.
    init(
        path: String,
        address: ConfigurationAddress?,
        overrides: [String] = [],
        environment: [String: String]
    ) throws(ConfigurationError) {
        var configuration = try Configuration(
            parsing: try ConfigurationText.read(path),
            file: path,
            environment: { environment[$0] },
            reading: { try ConfigurationText.read($0) }
        )
        try ForeignParts.check(configuration.imports)
        try ConfigurationOverride.apply(overrides, to: &configuration.root)
        let root = configuration.root
        let storageTypes = StorageSections.withClients.types
        try ForeignParts.check(sections: root.sections, own: storageTypes)
        try root.rejectUnknown(sections: ["zeo", "zookeeper", "eventlog", "runner"] + storageTypes)
        self.zeo = try ZEOSection(try root.section("zeo"), address: address, environment: environment)
        self.zooKeeper = try root.optionalSection("zookeeper").map { section throws(ConfigurationError) in
            try ZooKeeperSection(section, defaultConnection: environment["ZC_ZK_CONNECTION_STRING"])
        }
        self.eventLog = try root.optionalSection("eventlog").map(EventLogSection.init)
        if let runner = try root.optionalSection("runner") { try RunnerSection.check(runner) }
        self.root = root
    }

    /// What Python calls the storages of a section.
    private static let kinds = [
        "filestorage": "FileStorage", "mappingstorage": "MappingStorage", "demostorage": "DemoStorage",
        "blobstorage": "BlobStorage", "before": "Before", "zlibstorage": "ZlibStorage",
        "serverzlibstorage": "ServerZlibStorage", "zeoclient": "ClientStorage", "clientstorage": "ClientStorage",
        "zkzeoclient": "ClientStorage",
    ]

    /// The storage sections, with the names that clients use: the section's, or "1" for the one without a name.
    func storages(
        loggingTo logger: Logger,
        clientLogger: Logger,
        metrics: ZEOServerMetrics? = nil,
        clientMetrics: (String) -> ClientMetrics? = { _ in nil }
    ) throws(ConfigurationError) -> [RunConfiguration.NamedStorage] {
        var sections = StorageSections.withClients
        sections.logger = logger
        var storages: [RunConfiguration.NamedStorage] = []
        for section in self.root.sections where sections.types.contains(section.type) {
            let name = section.name ?? "1"
            sections.writeObserver = metrics?.storage(named: name)
            sections.addClients(logger: clientLogger, metrics: clientMetrics(name))
            let opener = try sections.opener(for: section)
            guard !storages.contains(where: { $0.name == name }) else {
                throw ConfigurationError(
                    at: section.position,
                    "there is a storage '\(name)' already; give \(section.header) another name. A storage without a "
                        + "name is called '1'"
                )
            }
            storages.append(
                RunConfiguration.NamedStorage(
                    name: name,
                    file: opener.writableFile,
                    kind: Self.kinds[section.type] ?? section.type,
                    open: opener.open
                )
            )
        }
        guard !storages.isEmpty else {
            let types = sections.types.map { "<\($0)>" }.joined(separator: " or ")
            throw ConfigurationError(at: self.root.position, "there is no storage to serve; add a section \(types)")
        }
        return storages
    }
}
