//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// Follows the addresses that servers have registered in ZooKeeper, and writes about them what zc.zkzeo writes.
struct ZooKeeperAddresses: Sendable {
    let connectionString: String
    let path: String
    let options: ClientOptions
    /// How often the start says that it still waits.
    var reminderInterval: Duration = .seconds(300)

    /// Follows them until the task is cancelled.
    ///
    /// Throws `ZooKeeperError` when ZooKeeper is not reached within `options.connectTimeout`, the path cannot be read within
    /// as long again, or it does not exist at the start. What becomes of ZooKeeper later takes no address away.
    ///
    /// - Parameters:
    ///   - whenStarted: Called once, when the start need not wait any more.
    ///   - whenChanged: Called with the addresses, at each change.
    func run(
        whenStarted: @escaping @Sendable () -> Void,
        whenChanged: @escaping @Sendable ([ServiceAddress]) -> Void
    ) async throws {
        var configuration = ZooKeeperSession.Configuration(connectionString: self.connectionString)
        configuration.sessionTimeout = self.options.sessionTimeout
        let session = ZooKeeperSession(configuration: configuration, logger: self.options.logger)
        let watcher = AddressWatcher(session: session, path: self.path, logger: self.options.logger)
        let reporter = AddressReporter(
            self.connectionString,
            self.path,
            startWaits: self.options.wait,
            logger: self.options.logger
        )
        try await withThrowingTaskGroup { group in
            group.addTask { try await session.run() }
            group.addTask {
                try await session.waitUntilConnected(timeout: self.options.connectTimeout)
                try await withThrowingTaskGroup { group in
                    group.addTask { try await watcher.run() }
                    group.addTask {
                        try await self.follow(watcher, reporter, whenStarted: whenStarted, whenChanged: whenChanged)
                    }
                    try await group.next()
                    group.cancelAll()
                }
            }
            group.addTask {
                while true {
                    try await Task.sleep(for: self.reminderInterval)
                    reporter.stillWaiting()
                }
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    private func waitForFirstSet(of watcher: AddressWatcher) async throws {
        let timeout = self.options.connectTimeout
        try await withThrowingTaskGroup { group in
            group.addTask { for await _ in watcher.addresses { return } }
            group.addTask {
                try await Task.sleep(for: timeout)
                throw await watcher.lastError
                    ?? ZooKeeperError(.connectTimeout, path: self.path, message: "cannot read it within \(timeout)")
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    private func follow(
        _ watcher: AddressWatcher,
        _ reporter: AddressReporter,
        whenStarted: () -> Void,
        whenChanged: ([ServiceAddress]) -> Void
    ) async throws {
        try await self.waitForFirstSet(of: watcher)
        var isFirst = true
        var hasStarted = false
        for await set in watcher.addresses {
            guard set.pathExists || !isFirst else { throw ZooKeeperError(.noNode, path: self.path) }
            isFirst = false
            reporter.changed(set.addresses)
            whenChanged(set.addresses)
            if !hasStarted && !(self.options.wait && set.addresses.isEmpty) {
                hasStarted = true
                whenStarted()
            }
        }
    }
}
