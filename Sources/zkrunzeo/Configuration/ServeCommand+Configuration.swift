//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import ZConfig
import ZEOAsyncServer
import ZEOProtocol
import ZKZEOAsync
import ZODBStorage

extension ServeCommand {
    /// Puts the command line and the configuration file together. Throws a `StopReason` that says what is wrong.
    func runConfiguration(
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws -> RunConfiguration {
        let address = try self.address.map(Self.parseAddress)
        var configuration: RunConfiguration
        do {
            configuration =
                try self.configurationFile.map { path in
                    try Self.runConfiguration(
                        of: ConfigurationFile(
                            path: path,
                            address: address,
                            overrides: self.overrides,
                            environment: environment
                        ),
                        environment
                    )
                } ?? self.withoutFile(address, environment)
        } catch let error as ConfigurationError {
            throw StopReason(.configuration, "\(error)")
        }
        if !self.filename.isEmpty { self.replaceStorages(of: &configuration) }
        if let timeout { configuration.server.transactionTimeout = try Self.duration(timeout) }
        configuration.pidFile = self.pidFile ?? configuration.pidFile
        if configuration.pidFile == nil, let instance = environment["INSTANCE_HOME"], !instance.isEmpty {
            configuration.pidFile = instance + "/var/ZEO.pid"
            configuration.pidFileIsGuessed = true
        }
        configuration.endsAtOnce = self.test
        return configuration
    }

    private static func parseAddress(_ text: String) throws(StopReason) -> ConfigurationAddress {
        do {
            return try Datatype.socketBindingAddress.value(of: text)
        } catch {
            throw StopReason(.usage, "-a \(text): expected PORT, HOST, HOST:PORT, [IPv6]:PORT or a path with a slash")
        }
    }

    private static func duration(_ seconds: Double) throws(StopReason) -> Duration {
        // Neither what is no number nor more than 30,000 years is a duration.
        guard (0..<1e12).contains(seconds) else {
            throw StopReason(.usage, "-t \(seconds): expected a number of seconds, 0 or more")
        }
        return .seconds(seconds)
    }

    private static func runConfiguration(
        of file: ConfigurationFile,
        _ environment: [String: String]
    ) throws -> RunConfiguration {
        let log = try file.eventLog?.open() ?? EventLog()
        var server = file.zeo.server
        if !file.zeo.saysFormat { server.wireFormat = Self.wireFormat(environment) }
        // Where nobody looks at numbers none are gathered.
        let metrics = file.metricsServer.map { _ in
            PrometheusMetrics(help: ZEOServerMetrics.help.merging(ClientMetrics.help) { one, _ in one })
        }
        server.metrics = metrics.map { ZEOServerMetrics(factory: $0) }
        return RunConfiguration(
            server: server,
            readTLS: file.zeo.readTLS,
            storages: try file.storages(
                loggingTo: log.logger("ZODB.FileStorage"),
                clientLogger: log.logger("zc.zkzeo"),
                metrics: server.metrics,
                clientMetrics: { name in
                    metrics.map { ClientMetrics(factory: $0, dimensions: [("storage", name)]) }
                }
            ),
            zooKeeper: file.zooKeeper?.zooKeeper,
            metricsServer: file.metricsServer,
            metrics: metrics,
            pidFile: file.zeo.pidFile,
            log: log,
            warnings: file.zooKeeper?.warnings ?? []
        )
    }

    /// What the environment says where the file says nothing.
    private static func wireFormat(_ environment: [String: String]) -> WireFormat {
        environment["ZEO_MSGPACK", default: ""].isEmpty ? .pickle : .messagePack
    }

    private func withoutFile(
        _ address: ConfigurationAddress?,
        _ environment: [String: String]
    ) throws(StopReason) -> RunConfiguration {
        guard self.overrides.isEmpty else {
            throw StopReason(.usage, "-X gives keys of a configuration file other values: name the file with -C")
        }
        guard let address, !self.filename.isEmpty else {
            throw StopReason(.usage, "give a configuration file with -C, or an address with -a and a file with -f")
        }
        var server = ZEOServerConfiguration(address: .init(address))
        server.wireFormat = Self.wireFormat(environment)
        return RunConfiguration(server: server, storages: [], log: EventLog())
    }

    /// As in runzeo, the files of the command line take the place of the configuration file's storages.
    private func replaceStorages(of configuration: inout RunConfiguration) {
        let logger = configuration.log.logger("ZODB.FileStorage")
        configuration.storages = self.filename.enumerated().map { index, path in
            RunConfiguration.NamedStorage(name: String(index + 1), file: path, kind: "FileStorage") {
                try await FileStorage.open(FileStorageConfiguration(path: path, logger: logger))
            }
        }
    }
}
