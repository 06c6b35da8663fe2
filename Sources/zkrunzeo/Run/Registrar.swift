//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import ServiceLifecycle
import ZEOAsyncServer
import ZKZEOAsync

/// Registers the server once it listens, keeps it registered, and tells the operator how that goes.
struct Registrar: Service {
    /// How long a server with a dynamic port, which nobody could find otherwise, waits for ZooKeeper at its start.
    static let patience = Duration.seconds(10)
    /// How often the operator is reminded that the server cannot be found.
    static let reminder = Duration.seconds(300)

    let server: ZEOServer
    let session: ZooKeeperSession
    let zooKeeper: RunConfiguration.ZooKeeper
    let path: String
    /// The host and port that were configured; port 0 is dynamic.
    let host: String
    let configuredPort: Int
    /// Whose address the node says, if there is one.
    let monitor: MonitorServer?
    /// Is told what is registered.
    let registered: RegisteredServers
    /// What tells this server's nodes from others', where there is a storage file.
    let instance: String?
    let logger: Logger

    private var isDynamic: Bool { self.configuredPort == 0 }

    func run() async throws {
        let port = try await cancelWhenGracefulShutdown {
            try await self.server.waitUntilListening().compactMap(\.port).first ?? self.configuredPort
        }
        do {
            if self.isDynamic { try await self.requireZooKeeper() }
        } catch is CancellationError where Task.isShuttingDownGracefully {
            // Stopped before there was anything to take back.
            return
        }
        let lease = RegistrationLease(
            session: self.session,
            path: self.path,
            nodes: try self.nodes(port: port, monitor: try? await self.monitor?.waitUntilListening()),
            acl: self.zooKeeper.acl,
            missingPath: self.isDynamic ? .fail : .keepTrying,
            logger: self.logger
        )
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await self.report(lease) }
                try await lease.run()
                group.cancelAll()
            }
        } catch let error as ZooKeeperError where error.code == .noNode {
            throw StopReason(
                .zooKeeper,
                "the path \(self.path) does not exist in ZooKeeper (\(self.zooKeeper.connection)), and without it nobody "
                    + "can find a server with a dynamic port. Create it, or give the server a port in 'address'"
            )
        }
    }

    /// A server that clients can only find through ZooKeeper does not start without it.
    private func requireZooKeeper() async throws {
        do {
            _ = try await cancelWhenGracefulShutdown {
                try await self.session.waitUntilConnected(timeout: Self.patience)
            }
        } catch let error as ZooKeeperError {
            throw StopReason(
                .zooKeeper,
                "ZooKeeper (\(self.zooKeeper.connection)) is out of reach, and without it nobody can find a server with a "
                    + "dynamic port: \(error). Start ZooKeeper, or give the server a port in 'address'"
            )
        }
    }

    private func nodes(port: Int, monitor: SocketAddress?) throws -> [Registration] {
        var properties = NodeProperties()
        if let instance { properties["instance"] = .string(instance) }
        if let advertise = self.zooKeeper.advertise {
            let port = advertise.port ?? port
            self.remember(advertise.host, port, properties.with(monitor: monitor, at: advertise.host))
            return [
                Registration(
                    name: ServiceAddress(host: advertise.host, port: port).description,
                    properties: properties.with(monitor: monitor, at: advertise.host),
                    holdsSocket: false
                )
            ]
        }
        let hosts = AdvertisedHosts.names(
            listeningAt: self.host,
            interfaces: try AdvertisedHosts.interfaces(),
            fullHostName: AdvertisedHosts.fullHostName
        )
        let host = AdvertisedHosts.isEveryInterface(self.host) ? "" : self.host
        self.remember(host, port, properties.with(monitor: monitor, at: hosts.first ?? host))
        return hosts.map { host in
            // A name may be that of several machines.
            let isAddress = (try? SocketAddress(ipAddress: host, port: port)) != nil
            return Registration(
                name: ServiceAddress(host: host, port: port).description,
                properties: properties.with(monitor: monitor, at: host),
                holdsSocket: isAddress
            )
        }
    }

    private func remember(_ host: String, _ port: Int, _ properties: NodeProperties) {
        var properties = properties
        properties.values.merge(ProcessIdentity.current.properties) { given, _ in given }
        let address = host.isEmpty ? ":\(port)" : ServiceAddress(host: host, port: port).description
        self.registered.register(.init(address: address, paths: [self.path], properties: properties))
    }

    /// Logs when nodes come and go, and reminds the operator as long as one is missing.
    private func report(_ lease: RegistrationLease) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                var registered: Set<String> = []
                for await states in lease.nodeStates {
                    let now = Set(states.filter { if case .registered = $0.value { true } else { false } }.keys)
                    for name in now.subtracting(registered).sorted() {
                        self.logger.info("Registered in ZooKeeper", metadata: ["node": "\(self.path)/\(name)"])
                    }
                    if registered.isEmpty, !now.isEmpty,
                        let real = try? await Links.resolve(self.path, in: self.session)
                    {
                        self.registered.found(real, for: self.path)
                    }
                    registered = now
                    self.registered.isRegistered = !states.isEmpty && now.count == states.count
                }
            }
            group.addTask {
                var pause = Self.patience
                while (try? await Task.sleep(for: pause)) != nil {
                    for (name, state) in lease.nodes.sorted(by: { $0.key < $1.key }) {
                        if case .registered = state { continue }
                        self.logger.warning(
                            "Not registered in ZooKeeper; the server serves and goes on trying",
                            metadata: [
                                "node": "\(self.path)/\(name)", "zookeeper": "\(self.zooKeeper.connection)",
                                "state": "\(state)",
                            ]
                        )
                    }
                    pause = Self.reminder
                }
            }
        }
    }
}

extension NodeProperties {
    /// With the address of the monitor, where that can be reached from elsewhere: not a unix socket. A monitor at every
    /// interface is at the host that the node names.
    fileprivate func with(monitor: SocketAddress?, at host: String) -> NodeProperties {
        guard let monitor, let port = monitor.port else { return self }
        var properties = self
        let own = monitor.ipAddress.flatMap { AdvertisedHosts.isEveryInterface($0) ? nil : $0 }
        properties["monitor"] = .string(ServiceAddress(host: own ?? host, port: port).description)
        return properties
    }
}
