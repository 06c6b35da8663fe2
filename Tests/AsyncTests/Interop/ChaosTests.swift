//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging
import Testing
import ZKZEOAsync
import ZODB
import ZODBStorage

/// Everything fails that can fail, one after the other and together, while tasks transact: nothing that was acknowledged is
/// lost, nothing is made twice, and when it works again, everybody works again.
@Suite struct ChaosTests {
    /// For how long; `make evidence` sets more.
    static let seconds = ProcessInfo.processInfo.environment["ZKZEO_CHAOS_SECONDS"].flatMap { Int($0) } ?? 45
    /// How soon after everything works again each task has to commit.
    static let patience: Duration = .seconds(30)

    enum Fault: String, CaseIterable {
        case serverKilled, serverMoved, serverFrozen, zooKeeperStopped, zooKeeperFrozen, networkCut, serverKilledUnseen
    }

    @Test(.timeLimit(.minutes(15))) func nothingIsLostAndEverybodyGoesOnWhateverFails() async throws {
        print("chaos: ZKZEO_SEED=\(TestSeed.value) ZKZEO_CHAOS_SECONDS=\(Self.seconds)")
        try await withTemporaryDirectory { directory in
            // Who is not root has no network to cut; the other faults remain.
            let network = NetworkNamespace.isAllowed ? try await NetworkNamespace() : nil
            if network == nil { print("chaos: not root, so that no network can be cut") }
            do {
                try await Self.run(directory, network)
                try await network?.remove()
            } catch {
                try? await network?.remove()
                throw error
            }
        }
    }

    private static func run(_ directory: String, _ network: NetworkNamespace?) async throws {
        let zooKeeper = try await RealZooKeeper(address: "0.0.0.0")
        try await runPython("registry.py", ["make", zooKeeper.connectionString, "/databases/demo"])
        var scene = ChaosScene(directory: directory, zooKeeper: zooKeeper, network: network)
        try await scene.startServer()
        var options = ClientOptions()
        options.heartbeatInterval = .seconds(1)
        options.connectTimeout = .seconds(5)
        options.waitTimeout = .seconds(120)
        options.sessionTimeout = .seconds(4)
        options.logger.logLevel = .critical
        let ledger = ChaosLedger(tasks: 16)
        let first = try await ZKZEO.DB(zooKeeper.connectionString, "/databases/demo", options: options)
        try await ChaosLedger.prepare(first, tasks: ledger.tasks)
        let databases = [
            first, try await ZKZEO.DB(zooKeeper.connectionString, "/databases/demo", options: options),
        ]
        try await withThrowingTaskGroup { group in
            for task in 0..<ledger.tasks {
                let database = databases[task % databases.count]
                group.addTask { await ledger.run(task: task, database) }
            }
            defer { group.cancelAll() }
            try await Self.everybodyCommits(ledger, after: "the start")
            var random = SeededGenerator(seed: TestSeed.value)
            let end = ContinuousClock.now + .seconds(Self.seconds)
            var faults = Fault.allCases.shuffled(using: &random)
            while ContinuousClock.now < end {
                if faults.isEmpty { faults = Fault.allCases.shuffled(using: &random) }
                let fault = faults.removeLast()
                try await scene.make(fault, for: .milliseconds(Int.random(in: 500...6000, using: &random)))
                try await Self.everybodyCommits(ledger, after: fault.rawValue)
            }
        }
        for database in databases { await database.close() }
        #expect(ledger.surprises == [])
        try await scene.stopServer()
        try await zooKeeper.stop()
        print("chaos: \(ledger.counts.reduce(0, +)) commits, \(ledger.unknown) without an answer")
        let storage = try await FileStorage.open(FileStorageConfiguration(path: directory + "/Data.fs"))
        let database = try await Database.open(storage)
        try await ledger.audit(database)
        await database.close()
        #expect(try FoundFaults(checking: directory + "/Data.fs", references: true).faults == [])
    }

    private static func everybodyCommits(_ ledger: ChaosLedger, after what: String) async throws {
        let before = ledger.counts
        let start = ContinuousClock.now
        do {
            try await eventually("each task commits after \(what)", within: Self.patience) {
                zip(before, ledger.counts).allSatisfy { $0 < $1 }
            }
        } catch {
            let idle = zip(before, ledger.counts).enumerated().filter { $1.0 == $1.1 }.map(\.offset)
            Issue.record("after \(what) the tasks \(idle) commit no more; \(ledger.surprises)")
            throw error
        }
        print("chaos: \(what): everybody commits after \(ContinuousClock.now - start)")
    }
}

/// The server and its surroundings, and what can happen to them.
struct ChaosScene {
    let directory: String
    let zooKeeper: RealZooKeeper
    let network: NetworkNamespace?
    private var server: RunningServer?

    init(directory: String, zooKeeper: RealZooKeeper, network: NetworkNamespace?) {
        (self.directory, self.zooKeeper, self.network) = (directory, zooKeeper, network)
    }

    /// Starts a server, at another port each time.
    mutating func startServer() async throws {
        let configuration = RunningServer.configuration(
            address: self.network?.guest ?? "127.0.0.1",
            zooKeeper: "\(self.network?.host ?? "127.0.0.1"):\(self.zooKeeper.port)",
            sessionTimeout: 4000
        )
        self.server = try await RunningServer.start(
            configuration,
            in: self.directory,
            prefix: self.network?.prefix ?? []
        )
    }

    mutating func stopServer() async throws {
        let status = try await self.server?.stop()
        #expect(status == 0)
        self.server = nil
    }

    private mutating func killServer() async throws {
        self.server?.process.signal(SIGKILL)
        try await self.server?.process.exitStatus()
    }

    /// Lets something fail for a while. When this returns, everything works again.
    mutating func make(_ fault: ChaosTests.Fault, for duration: Duration) async throws {
        switch fault {
        case .serverKilled:
            try await self.killServer()
            try await Task.sleep(for: duration)
            try await self.startServer()
        case .serverMoved:
            try await self.stopServer()
            try await self.startServer()
        case .serverFrozen:
            self.server?.process.signal(SIGSTOP)
            try await Task.sleep(for: duration)
            self.server?.process.signal(SIGCONT)
        case .zooKeeperStopped:
            try await self.zooKeeper.stop()
            try await Task.sleep(for: duration)
            try await self.zooKeeper.start()
        case .zooKeeperFrozen:
            self.zooKeeper.freeze(true)
            try await Task.sleep(for: duration)
            self.zooKeeper.freeze(false)
        case .networkCut:
            try await self.network?.pull(true)
            try await Task.sleep(for: duration)
            try await self.network?.pull(false)
        case .serverKilledUnseen:
            try await self.zooKeeper.stop()
            try await self.killServer()
            try await Task.sleep(for: duration)
            try await self.zooKeeper.start()
            try await self.startServer()
        }
    }
}
