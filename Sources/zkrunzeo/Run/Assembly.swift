//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Logging
import ServiceLifecycle
import UnixSignals
import ZEOAsyncServer
import ZKZEOAsync
import ZODBStorage

/// Puts session, server and registration together, and takes them apart in the right order.
struct Assembly {
    let configuration: RunConfiguration
    private let logger: Logger

    init(_ configuration: RunConfiguration) {
        self.configuration = configuration
        self.logger = configuration.log.logger("zkrunzeo")
    }

    /// Serves until SIGTERM or SIGINT. Throws a `StopReason` when the server could not start or had to stop.
    ///
    /// - Parameter others: Services that belong to the same run; they start before and stop after the rest.
    func run(with others: [any Service] = []) async throws {
        for warning in self.configuration.warnings {
            self.logger.warning("Configuration", metadata: ["warning": "\(warning)"])
        }
        let storages = try await self.openStorages()
        do {
            if let file = self.configuration.pidFile { try PIDFile.write(to: file) }
            try await self.serve(storages, others)
        } catch {
            await self.close(storages)
            throw error
        }
        await self.close(storages)
        self.logger.info("Stopped")
    }

    private typealias OpenStorage = (name: String, storage: any Storage)

    private func serve(_ storages: [OpenStorage], _ others: [any Service]) async throws {
        let server = ZEOServer(
            configuration: self.configuration.server,
            storages: storages,
            logger: self.configuration.log.logger("ZEO.StorageServer")
        )
        // In the order of their dependence. They are stopped from the last to the first: what leads clients here is
        // gone before the server goes.
        var services = others.map { ServiceGroupConfiguration.ServiceConfiguration(service: $0) }
        let registered = RegisteredServers()
        let monitor = self.monitor(of: server, registered)
        let registrar = try self.registrar(for: server, monitor, registered)
        if let registrar { services.append(.init(service: registrar.session)) }
        services.append(.init(service: server))
        if let monitor { services.append(.init(service: SideService.monitor(monitor, logger: self.logger))) }
        if let registrar { services.append(.init(service: registrar)) }
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: services,
                gracefulShutdownSignals: [.sigterm, .sigint],
                logger: self.configuration.log.quietLogger("zkrunzeo.services")
            )
        )
        do {
            try await group.run()
        } catch let reason as StopReason {
            throw reason
        } catch let error as ZEOServerError where error.code == .cannotListen {
            throw StopReason(.address, "\(error)")
        } catch {
            throw StopReason(.software, "\(error)")
        }
    }

    private func monitor(of server: ZEOServer, _ registered: RegisteredServers) -> MonitorServer? {
        self.configuration.zooKeeper?.monitorServer.map { address in
            MonitorServer(address: .init(address), commands: server.monitorCommands + [registered.command])
        }
    }

    private func registrar(
        for server: ZEOServer,
        _ monitor: MonitorServer?,
        _ registered: RegisteredServers
    ) throws -> Registrar? {
        guard let (zooKeeper, path) = self.configuration.registration else { return nil }
        guard case .hostname(let host, let port) = self.configuration.server.address else {
            self.logger.warning("A server at a unix socket is not registered in ZooKeeper: nobody else could reach it")
            return nil
        }
        var configuration = ZooKeeperSession.Configuration(connectionString: zooKeeper.connection)
        configuration.sessionTimeout = zooKeeper.sessionTimeout
        configuration.auth = zooKeeper.auth
        return Registrar(
            server: server,
            session: ZooKeeperSession(configuration: configuration, logger: self.configuration.log.logger("zookeeper")),
            zooKeeper: zooKeeper,
            path: path,
            host: host,
            configuredPort: port,
            monitor: monitor,
            registered: registered,
            instance: try self.configuration.storages.compactMap(\.file).first.map(InstanceToken.ofStorage),
            logger: self.logger
        )
    }

    private func openStorages() async throws -> [OpenStorage] {
        var opened: [OpenStorage] = []
        for storage in self.configuration.storages {
            self.logger.info("Opening storage", metadata: ["zeo.storage": "\(storage.name)"])
            do {
                opened.append((storage.name, try await storage.open()))
            } catch {
                await self.close(opened)
                throw StopReason(.storage, "storage '\(storage.name)' cannot be opened: \(error)")
            }
        }
        return opened
    }

    private func close(_ storages: [OpenStorage]) async {
        for (name, storage) in storages {
            do {
                try await storage.close()
            } catch {
                self.logger.error(
                    "Storage did not close as it should",
                    error: error,
                    metadata: ["zeo.storage": "\(name)"]
                )
            }
        }
        if let file = self.configuration.pidFile { PIDFile.remove(file) }
    }
}
