//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import Testing
import ZKTestServer

@testable import ZKZEOAsync

/// Whatever becomes of a session, every task that awaits something of it goes on.
@Suite(.timeLimit(.minutes(1))) struct FloodTests {
    @Test(arguments: [1, 4, 64, 500, 2000], [false, true])
    func everyRequestInFlightEndsWhenTheSessionIsClosed(count: Int, serverIsSilent: Bool) async throws {
        try await ZKTestServer.withServer { server in
            for _ in 0..<3 {
                let (session, running) = try await Self.start(server.connectionString)
                if serverIsSilent { await server.delayReplies(by: .seconds(600)) }
                let ended = try await Self.flood(session, count: count) {
                    try await eventually("the requests are in flight") {
                        session.requests.withLock { $0.count } == count || !serverIsSilent
                    }
                    await session.close()
                }
                #expect(ended.count == count)
                for outcome in ended where outcome != nil { #expect(outcome == .sessionClosed) }
                if serverIsSilent { #expect(!ended.contains(nil)) }
                #expect(session.requests.withLock { $0.count } == 0)
                try await running.value
                await server.delayReplies(by: .zero)
                await server.dropConnections()
            }
        }
    }

    @Test(arguments: [false, true])
    func everyRequestInFlightEndsWhenTheConnectionBreaks(sessionExpires: Bool) async throws {
        try await ZKTestServer.withServer { server in
            let proxy = try await CuttableProxy.start(to: server.port)
            let (session, running) = try await Self.start("127.0.0.1:\(proxy.port)")
            let id = try #require(await session.sessionID)
            await server.delayReplies(by: .seconds(600))
            let ended = try await Self.flood(session, count: 500) {
                try await eventually("the requests are in flight") { session.requests.withLock { $0.count } == 500 }
                proxy.cut(forGood: true)
                await server.delayReplies(by: .zero)
                if sessionExpires { await server.expireSession(id) }
                proxy.heal()
            }
            #expect(ended.count == 500)
            let outcomes = Set(ended.map { code in code.map(\.description) ?? "answered" })
            #expect(outcomes == ["connectionLoss"])
            try await eventually("connected") { await session.sessionID.map { ($0 == id) != sessionExpires } ?? false }
            await session.close()
            try await running.value
            try await proxy.close()
        }
    }

    @Test func aCancelledRequestEndsAtOnceAndDisturbsNobody() async throws {
        try await ZKTestServer.withServer { server in
            let (session, running) = try await Self.start(server.connectionString)
            await server.delayReplies(by: .seconds(600))
            let request = Task { try await session.create("/cancelled") }
            let watched = Task { try await session.existsWatching("/other") }
            try await eventually("both are in flight") { session.requests.withLock { $0.count } == 2 }
            request.cancel()
            watched.cancel()
            await #expect(throws: CancellationError.self) { try await request.value }
            await #expect(throws: CancellationError.self) { try await watched.value }
            // Still to be answered, but awaited by nobody.
            #expect(session.requests.withLock { $0.count } == 2)
            await server.delayReplies(by: .zero)
            let never = Task { try await session.create("/never") }
            never.cancel()
            _ = try? await never.value
            await session.close()
            try await running.value
            #expect(session.requests.withLock { $0.count } == 0)
        }
    }

    private static func start(_ connectionString: String) async throws -> (ZooKeeperSession, Task<Void, any Error>) {
        var configuration = ZooKeeperSession.Configuration(connectionString: connectionString)
        // A server that is silent for two thirds of this is left, and the requests end otherwise.
        configuration.sessionTimeout = .seconds(40)
        let session = ZooKeeperSession(configuration: configuration, logger: quiet)
        let running = Task { try await session.run() }
        try await session.waitUntilConnected(timeout: .seconds(20))
        return (session, running)
    }

    /// Reads from many tasks, does something meanwhile, and returns what became of each: nil for an answer.
    private static func flood(
        _ session: ZooKeeperSession,
        count: Int,
        _ meanwhile: @Sendable () async throws -> Void
    ) async throws -> [ZooKeeperError.Code?] {
        try await withThrowingTaskGroup(of: ZooKeeperError.Code?.self) { group in
            for index in 0..<count {
                group.addTask {
                    do {
                        if index % 3 == 0 {
                            _ = try await session.existsWatching("/\(index)")
                        } else if index % 3 == 1 {
                            let results = try await session.multi([.check("/zookeeper")])
                            // Answered is answered, also when the handle has been closed since.
                            if results != [.checked] { return .other }
                        } else {
                            _ = try await session.get("/zookeeper")
                        }
                        return nil
                    } catch let error as ZooKeeperError {
                        return error.code
                    }
                }
            }
            try await meanwhile()
            return try await group.reduce(into: []) { $0.append($1) }
        }
    }
}
