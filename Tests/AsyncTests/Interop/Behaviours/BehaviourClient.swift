//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Synchronization

@testable import ZKZEOAsync

/// A session behind a proxy, and the watches that it has set.
final class BehaviourClient: Sendable {
    private struct State {
        var connections = 0
        var watches: [(watch: ZooKeeperWatch, path: String)] = []
        var current: Int64 = 0
        var connectionsBeforeCut = 0
    }

    let session: ZooKeeperSession
    let firstID: Int64
    private let proxy: CuttableProxy
    private let running: Task<Void, any Error>
    private let counting: Task<Void, Never>
    private let state: Mutex<State>
    private static let patience: Duration = .seconds(10)

    init(port: Int, timeout: Duration) async throws {
        let proxy = try await CuttableProxy.start(to: port)
        var configuration = ZooKeeperSession.Configuration(connectionString: "127.0.0.1:\(proxy.port)")
        configuration.sessionTimeout = timeout
        let session = ZooKeeperSession(configuration: configuration, logger: quiet)
        let events = session.events
        self.proxy = proxy
        self.session = session
        self.running = Task { try await session.run() }
        let id = try await session.waitUntilConnected(timeout: .seconds(30))
        self.firstID = id
        self.state = Mutex(State(current: id))
        let counter = Counter()
        self.counting = Task { await counter.count(events) }
        counter.set(self)
    }

    /// Counts connections for a client that is still being made.
    private final class Counter: Sendable {
        private let target = OneShot<BehaviourClient>()
        func set(_ client: BehaviourClient) { self.target.set(client) }
        func count(_ events: SessionEvents) async {
            guard let client = try? await self.target.wait() else { return }
            for await event in events {
                if case .connected = event { client.state.withLock { $0.connections += 1 } }
            }
        }
    }

    func close() async throws {
        await self.session.close()
        await self.counting.value
        try? await self.running.value
        try await self.proxy.close()
    }

    // MARK: Watches

    func remember(_ watch: ZooKeeperWatch?, _ path: String) {
        if let watch { self.state.withLock { $0.watches.append((watch, path)) } }
    }

    /// Makes sure that every event that the server has sent has arrived, and returns them in their order.
    func events() async throws -> [String] {
        _ = try await self.session.exists("/")
        let fired = self.state.withLock { state in
            defer { state.watches.removeAll { $0.watch.event != nil } }
            return state.watches.filter { $0.watch.event != nil }
        }
        return fired.sorted { ($0.watch.order ?? 0) < ($1.watch.order ?? 0) }.compactMap { watch, path in
            switch watch.event {
            case .created: "created " + path
            case .deleted: "deleted " + path
            case .dataChanged: "changed " + path
            case .childrenChanged: "child " + path
            case .sessionLost, nil: nil
            }
        }
    }

    func waitForEvents(_ count: Int) async throws -> [String] {
        try? await eventually("\(count) events", within: Self.patience) {
            self.state.withLock { $0.watches.count { $0.watch.event != nil && $0.watch.event != .sessionLost } }
                >= count
        }
        return try await self.events()
    }

    // MARK: Connections

    func drop() async -> String {
        let before = await self.settledConnections()
        self.proxy.cut(forGood: false)
        return await self.reconnected(since: before)
    }

    func cut() async {
        let before = await self.settledConnections()
        self.state.withLock { $0.connectionsBeforeCut = before }
        self.proxy.cut(forGood: true)
    }

    func heal() async -> String {
        self.proxy.heal()
        return await self.reconnected(since: self.state.withLock { $0.connectionsBeforeCut })
    }

    /// The connections so far, the first included.
    private func settledConnections() async -> Int {
        try? await eventually("the first connection is counted") { self.state.withLock { $0.connections > 0 } }
        return self.state.withLock { $0.connections }
    }

    private func reconnected(since before: Int) async -> String {
        do {
            try await eventually("a connection", within: Self.patience) {
                self.state.withLock { $0.connections } > before
            }
            let id = try await self.session.waitUntilConnected(timeout: Self.patience)
            let same = self.state.withLock { state in
                defer { state.current = id }
                return state.current == id
            }
            return same ? "same session" : "new session"
        } catch {
            return "not connected"
        }
    }
}
