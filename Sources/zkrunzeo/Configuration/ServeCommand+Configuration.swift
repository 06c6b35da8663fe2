//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import ZConfig
import ZEOAsyncServer
import ZEOProtocol
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
                        of: ConfigurationFile(path: path, address: address, environment: environment)
                    )
                } ?? self.withoutFile(address)
        } catch let error as ConfigurationError {
            throw StopReason(.configuration, "\(error)")
        }
        if !self.filename.isEmpty { self.replaceStorages(of: &configuration) }
        if let timeout { configuration.server.transactionTimeout = try Self.duration(timeout) }
        if let msgpack = environment["ZEO_MSGPACK"], !msgpack.isEmpty { configuration.server.wireFormat = .messagePack }
        configuration.pidFile =
            self.pidFile ?? configuration.pidFile ?? environment["INSTANCE_HOME"].map { $0 + "/var/ZEO.pid" }
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

    private static func runConfiguration(of file: ConfigurationFile) throws -> RunConfiguration {
        let log = try file.eventLog?.open() ?? EventLog()
        return RunConfiguration(
            server: file.zeo.server,
            storages: try file.storages(loggingTo: log.logger("ZODB.FileStorage")),
            zooKeeper: file.zooKeeper?.zooKeeper,
            pidFile: file.zeo.pidFile,
            log: log,
            warnings: (file.zooKeeper?.warnings ?? []) + (file.eventLog?.warnings ?? [])
        )
    }

    private func withoutFile(_ address: ConfigurationAddress?) throws(StopReason) -> RunConfiguration {
        guard let address, !self.filename.isEmpty else {
            throw StopReason(.usage, "give a configuration file with -C, or an address with -a and a file with -f")
        }
        return RunConfiguration(server: ZEOServerConfiguration(address: .init(address)), storages: [], log: EventLog())
    }

    /// As in runzeo, the files of the command line take the place of the configuration file's storages.
    private func replaceStorages(of configuration: inout RunConfiguration) {
        let logger = configuration.log.logger("ZODB.FileStorage")
        configuration.storages = self.filename.enumerated().map { index, path in
            RunConfiguration.NamedStorage(name: String(index + 1), file: path) {
                try await FileStorage.open(FileStorageConfiguration(path: path, logger: logger))
            }
        }
    }
}
