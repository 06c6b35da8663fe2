//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import Logging
public import ServiceLifecycle

/// Keeps ephemeral nodes below a path for as long as it runs, whatever happens to connections, sessions and nodes.
///
/// Links in the path are followed. At graceful shutdown the nodes are deleted before `run()` returns, so put it after the
/// session and the server in a `ServiceGroup`, which ends services in reverse order: nobody is sent to a server that is
/// about to stop.
///
/// The nodes' access control list defaults to zc.zk's, world may read. That is enough to delete them again, because
/// ZooKeeper asks the parent's list who may delete a child.
///
/// What to do is decided by one `RegistrationStateMachine` for each node; the actor guards what can be seen from outside.
public actor RegistrationLease: Service {
    let session: ZooKeeperSession
    let path: String
    let registrations: [Registration]
    let acl: [ZNodeACL]
    let missingPath: MissingPath
    let logger: Logger
    private nonisolated let stop = StopSignal()
    private nonisolated let states: Broadcast<[String: NodeState]>
    private var failure: ZooKeeperError?
    private var hasRun = false

    /// Makes a lease, which does nothing before `run()`.
    ///
    /// - Parameters:
    ///   - session: The session that the nodes live with. Somebody else runs it.
    ///   - path: The node whose children the nodes become.
    ///   - nodes: What to register.
    ///   - acl: The nodes' access control list.
    ///   - missingPath: What to do when the path does not exist.
    ///   - logger: Where to log to.
    public init(
        session: ZooKeeperSession,
        path: String,
        nodes: [Registration],
        acl: [ZNodeACL] = .worldRead,
        missingPath: MissingPath = .fail,
        logger: Logger
    ) {
        self.session = session
        self.path = path
        self.registrations = nodes.map { node in
            var node = node
            node.properties.values.merge(ProcessIdentity.current.properties) { given, _ in given }
            return node
        }
        self.acl = acl
        self.missingPath = missingPath
        var logger = logger
        logger[metadataKey: "zk.path"] = "\(path)"
        self.logger = logger
        self.states = Broadcast(depth: 1)
        self.states.publish(Dictionary(nodes.map { ($0.name, .waitingForSession) }) { first, _ in first })
    }

    /// Registers, and stays registered until graceful shutdown, cancellation or ``close()``; then removes the nodes.
    ///
    /// Throws ``ZooKeeperError``: `noNode` or `linkLoop` if the path does not lead to a node and that was to be an error,
    /// `sessionClosed` if the session ended first, `alreadyRunning`.
    public func run() async throws {
        guard !self.hasRun else { throw ZooKeeperError(.alreadyRunning) }
        self.hasRun = true
        defer { self.states.finish() }
        do {
            try await self.stop.shielding { try await self.keepNodes() }
        } catch let error as ZooKeeperError {
            self.failure = error
            throw error
        }
    }

    /// Ends `run()`: removes the nodes.
    public nonisolated func close() { self.stop.request() }

    /// How it stands with each node, by name.
    public nonisolated var nodes: [String: NodeState] { self.states.newest ?? [:] }

    /// How it stands with each node, whenever that changes; the newest state first, and the newest wins.
    public nonisolated var nodeStates: AsyncStream<[String: NodeState]> { self.states.subscribe() }

    /// Waits until all nodes are registered. May be called before `run()`.
    ///
    /// Throws what `run()` throws if that ends first, or `sessionClosed`.
    public func waitUntilRegistered() async throws {
        for await states in self.nodeStates {
            let registered = states.values.allSatisfy { if case .registered = $0 { true } else { false } }
            if registered { return }
        }
        try Task.checkCancellation()
        throw self.failure ?? ZooKeeperError(.sessionClosed)
    }

    private func keepNodes() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for registration in self.registrations {
                let keeper = NodeKeeper(lease: self, registration: registration, stop: self.stop)
                group.addTask { try await keeper.run() }
            }
            do {
                while try await group.next() != nil {}
            } catch {
                // One node that fails for good ends them all, each after it has been removed.
                self.stop.request()
                while await group.nextResult() != nil {}
                throw error
            }
        }
    }

    /// It stands differently with a node.
    func changed(_ name: String, _ state: NodeState) {
        var states = self.states.newest ?? [:]
        guard states[name] != state else { return }
        states[name] = state
        self.states.publish(states)
    }
}
