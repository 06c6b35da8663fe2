//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
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
    /// For the lines that runzeo writes, under its name.
    private let runLogger: Logger

    init(_ configuration: RunConfiguration) {
        self.configuration = configuration
        self.logger = configuration.log.logger("zkrunzeo")
        self.runLogger = configuration.log.logger("ZEO.runzeo")
    }

    /// Serves until SIGTERM or SIGINT. Throws a `StopReason` when the server could not start or had to stop.
    ///
    /// - Parameter others: Services that belong to the same run; they start before and stop after the rest.
    func run(with others: [any Service] = []) async throws {
        // A reader of our output that has gone, or a file at its size limit, is an error of that write alone.
        signal(SIGPIPE, SIG_IGN)
        signal(SIGXFSZ, SIG_IGN)
        for warning in self.configuration.warnings {
            self.logger.warning("Configuration", metadata: ["warning": "\(warning)"])
        }
        let storages = try await self.openStorages()
        let ending: SignalFollower.Ending
        do {
            try self.writePIDFile()
            ending = try await self.serve(storages, others)
        } catch {
            await self.close(storages)
            throw error
        }
        await self.close(storages)
        self.logger.info("Stopped")
        if ending == .startAnew { throw ExitCode(1) }
    }

    private func writePIDFile() throws(StopReason) {
        guard let file = self.configuration.pidFile else { return }
        do {
            try PIDFile.write(to: file)
            self.say("created PID file '\(file)'")
        } catch  where self.configuration.pidFileIsGuessed {
            self.runLogger.error("PID file '\(file)' cannot be opened")
        }
    }

    /// Writes a line as runzeo does, with the number of the process before it.
    private func say(_ text: String) {
        self.runLogger.info("(\(getpid())) \(text)")
    }

    private typealias OpenStorage = (name: String, storage: any Storage)

    private func serve(
        _ storages: [OpenStorage],
        _ others: [any Service]
    ) async throws -> SignalFollower.Ending {
        let server = ZEOServer(
            configuration: self.configuration.server,
            storages: storages,
            logger: self.configuration.log.logger("ZEO.StorageServer"),
            connectionLogger: self.configuration.log.logger("ZEO.asyncio.server")
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
        if let http = self.httpListener(for: server, registrar.map(\.registered)) {
            services.append(.init(service: SideService.http(http, logger: self.logger)))
        }
        if let registrar { services.append(.init(service: registrar)) }
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: services,
                logger: self.configuration.log.quietLogger("zkrunzeo.services")
            )
        )
        do {
            return try await self.run(group, server)
        } catch let reason as StopReason {
            throw reason
        } catch let error as ZEOServerError where error.code == .cannotListen {
            throw StopReason(.address, "\(error)")
        } catch let error as ZEOServerError where error.code == .cannotUseTLS {
            throw StopReason(.configuration, "\(error)")
        } catch let error as ZooKeeperError {
            // Whoever used the session may have noticed its end before anybody heard the reason.
            let reason = await registrar?.session.failure ?? error
            throw StopReason(.zooKeeper, self.sentence(about: reason))
        } catch {
            throw StopReason(.software, "\(error)")
        }
    }

    /// Runs the services to their end, and does meanwhile what signals say.
    private func run(_ group: ServiceGroup, _ server: ZEOServer) async throws -> SignalFollower.Ending {
        let renewTLS = self.configuration.readTLS.map { read in
            { @Sendable () async throws in try await server.renewTLS(try read()) }
        }
        let follower = await SignalFollower(log: self.configuration.log, logger: self.runLogger, renewTLS: renewTLS)
        return try await withThrowingTaskGroup(of: Ended.self) { tasks in
            tasks.addTask {
                try await group.run()
                return .services
            }
            tasks.addTask { .signals(await follower.run { await group.triggerGracefulShutdown() }) }
            if self.configuration.endsAtOnce {
                tasks.addTask {
                    await self.endAtOnce(group, server)
                    return .test
                }
            }
            var ending = SignalFollower.Ending.stop
            for try await ended in tasks {
                switch ended {
                case .services: tasks.cancelAll()
                case .signals(let told): ending = told
                case .test: break
                }
            }
            return ending
        }
    }

    /// The parts of a run, by which of them has ended.
    private enum Ended {
        case services
        case signals(SignalFollower.Ending)
        case test
    }

    private func endAtOnce(_ group: ServiceGroup, _ server: ZEOServer) async {
        // Where it cannot listen, the run ends with the reason.
        guard (try? await server.waitUntilListening()) != nil else { return }
        StreamSink.write(Array("testing exit immediately\n".utf8), to: STDOUT_FILENO)
        await group.triggerGracefulShutdown()
    }

    private func sentence(about error: ZooKeeperError) -> String {
        let connection = self.configuration.zooKeeper?.connection ?? ""
        guard error.code == .authFailed else { return "ZooKeeper (\(connection)): \(error)" }
        return "ZooKeeper (\(connection)) refused a credential of 'auth' in <zookeeper>; mend it, or remove it"
    }

    private func monitor(of server: ZEOServer, _ registered: RegisteredServers) -> MonitorServer? {
        self.configuration.zooKeeper?.monitorServer.map { address in
            MonitorServer(address: .init(address), commands: server.monitorCommands + [registered.command])
        }
    }

    private func httpListener(for server: ZEOServer, _ registered: RegisteredServers?) -> OperatorHTTPServer? {
        guard let address = self.configuration.metricsServer else { return nil }
        return OperatorHTTPServer(
            address: .init(address),
            server: server,
            metrics: self.configuration.metrics,
            notReady: { registered?.isRegistered == false ? "not registered in ZooKeeper" : nil }
        )
    }

    private func registrar(
        for server: ZEOServer,
        _ monitor: MonitorServer?,
        _ registered: RegisteredServers
    ) throws -> Registrar? {
        guard !self.configuration.endsAtOnce, let (zooKeeper, path) = self.configuration.registration else {
            return nil
        }
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
            self.say("opening storage '\(storage.name)' using \(storage.kind)")
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
            self.configuration.log.logger("ZEO.StorageServer").info("closing storage '\(name)'")
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
        if let file = self.configuration.pidFile, PIDFile.remove(file) { self.say("removed PID file '\(file)'") }
    }
}
