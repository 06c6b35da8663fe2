//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import ServiceLifecycle
import Testing
import ZKTestServer

@testable import ZKZEOAsync

/// How a session begins, goes on and ends, with the server's faults.
@Suite(.timeLimit(.minutes(1))) struct SessionLifeTests {
    @Test func callsBeforeRunThrow() async throws {
        let session = ZooKeeperSession(configuration: .init(connectionString: "127.0.0.1:1"), logger: quiet)
        await expectError(.notRunning) { try await session.get("/") }
        #expect(await session.sessionID == nil)
        #expect(await session.negotiatedTimeout == nil)
        await session.close()
        await expectError(.sessionClosed) { try await session.get("/") }
        await expectError(.sessionClosed) { try await session.run() }
        await expectError(.sessionClosed) { try await session.waitUntilConnected(timeout: .seconds(5)) }
    }

    @Test func runningTwiceThrows() async throws {
        try await ZKTestServer.withServer { server in
            try await withSession(server.connectionString) { session in
                await expectError(.alreadyRunning) { try await session.run() }
                _ = try await session.exists("/")
            }
        }
    }

    @Test func aWrongConnectionStringIsSaidAtOnce() async throws {
        let session = ZooKeeperSession(configuration: .init(connectionString: "a:b:c"), logger: quiet)
        await expectError(.badArguments) { try await session.run() }
    }

    @Test func waitingForAServerThatIsNotThereTimesOut() async throws {
        let port = try freePort()
        let session = ZooKeeperSession(configuration: .init(connectionString: "127.0.0.1:\(port)"), logger: quiet)
        let running = Task { try await session.run() }
        await expectError(.connectTimeout) { try await session.waitUntilConnected(timeout: .milliseconds(300)) }
        await session.close()
        try await running.value
    }

    @Test func namesThatCannotBeLookedUpAreTriedAgainAndTheSessionStillEnds() async throws {
        let session = ZooKeeperSession(
            configuration: .init(connectionString: "no-such-host.invalid:2181"),
            logger: quiet
        )
        let running = Task { try await session.run() }
        await expectError(.connectTimeout) { try await session.waitUntilConnected(timeout: .milliseconds(300)) }
        await session.close()
        try await running.value
    }

    @Test func cancellationEndsTheSessionOnTheServerToo() async throws {
        try await ZKTestServer.withServer { server in
            let session = ZooKeeperSession(
                configuration: .init(connectionString: server.connectionString),
                logger: quiet
            )
            let running = Task { try await session.run() }
            let id = try await session.waitUntilConnected(timeout: .seconds(20))
            #expect(await server.sessionIDs() == [id])
            running.cancel()
            try await running.value
            #expect(await server.sessionIDs() == [])
            await expectError(.sessionClosed) { try await session.get("/") }
        }
    }

    @Test func gracefulShutdownEndsTheSession() async throws {
        try await ZKTestServer.withServer { server in
            let session = ZooKeeperSession(
                configuration: .init(connectionString: server.connectionString),
                logger: quiet
            )
            let group = ServiceGroup(services: [session], logger: quiet)
            let running = Task { try await group.run() }
            try await session.waitUntilConnected(timeout: .seconds(20))
            await group.triggerGracefulShutdown()
            try? await running.value
            #expect(await server.sessionIDs() == [])
        }
    }

    @Test func aBrokenConnectionKeepsTheSessionItsNodesAndItsWatches() async throws {
        try await ZKTestServer.withServer { server in
            try await withSession(server.connectionString) { session in
                var events = session.events.makeAsyncIterator()
                let id = try #require(await session.sessionID)
                #expect(await events.next(isolation: nil) == .connected(sessionID: id))
                try await session.create("/e", mode: .ephemeral)
                let (_, watch) = try await session.existsWatching("/w")
                await server.dropConnections()
                #expect(await events.next(isolation: nil) == .suspended)
                #expect(await events.next(isolation: nil) == .connected(sessionID: id))
                #expect(try await session.exists("/e")?.ephemeralOwner == id)
                #expect(watch.event == nil)
                try await session.create("/w")
                #expect(try await watch.fired() == .created)
            }
        }
    }

    @Test func anExpiredSessionIsFollowedByAnother() async throws {
        try await ZKTestServer.withServer { server in
            try await withSession(server.connectionString) {
                $0.auth = [("digest", Array("me:secret".utf8))]
            } _: { session in
                var events = session.events.makeAsyncIterator()
                let id = try #require(await session.sessionID)
                try await session.addAuth(scheme: "digest", credential: Array("you:secret".utf8))
                try await session.create("/e", mode: .ephemeral)
                let (_, watch) = try await session.existsWatching("/w")
                await server.expireSession(id)
                while let event = await events.next(isolation: nil), event != .expired {}
                guard case .connected(let next)? = await events.next(isolation: nil) else {
                    Issue.record("no new session")
                    return
                }
                #expect(next != id)
                #expect(try await watch.fired() == .sessionLost)
                #expect(try await session.exists("/e") == nil)
                // Both identities are proved again.
                try await session.create("/mine", acl: .creatorAll)
                #expect(try await session.getACL("/mine").acl.count == 2)
            }
        }
    }

    @Test func aSessionThatTheServerSwapsCountsAsExpired() async throws {
        try await ZKTestServer.withServer { server in
            try await withSession(server.connectionString) { session in
                var events = session.events.makeAsyncIterator()
                let id = try #require(await session.sessionID)
                await server.swapSessions(true)
                await server.dropConnections()
                while let event = await events.next(isolation: nil), event != .expired {}
                await server.swapSessions(false)
                let next = try await session.waitUntilConnected(timeout: .seconds(20))
                #expect(next != id)
            }
        }
    }

    @Test func aServerThatComesBackKeepsOrLosesTheSession() async throws {
        try await ZKTestServer.withServer { server in
            try await withSession(server.connectionString) { session in
                let id = try #require(await session.sessionID)
                try await server.stop(keepingSessions: true)
                try await eventually("suspended") { await session.sessionID == nil }
                try await server.restart()
                #expect(try await session.waitUntilConnected(timeout: .seconds(20)) == id)
                try await server.stop(keepingSessions: false)
                try await eventually("suspended") { await session.sessionID == nil }
                try await server.restart()
                try await eventually("a new session") { await session.sessionID.map { $0 != id } ?? false }
            }
        }
    }

    @Test func aRefusingServerIsTriedUntilItAccepts() async throws {
        try await ZKTestServer.withServer { server in
            await server.refuseConnections(true)
            let session = ZooKeeperSession(
                configuration: .init(connectionString: server.connectionString),
                logger: quiet
            )
            let running = Task { try await session.run() }
            await expectError(.connectTimeout) { try await session.waitUntilConnected(timeout: .milliseconds(300)) }
            await server.refuseConnections(false)
            try await session.waitUntilConnected(timeout: .seconds(20))
            await session.close()
            try await running.value
        }
    }

    @Test func aRefusedCredentialEndsTheSession() async throws {
        try await ZKTestServer.withServer { server in
            var configuration = ZooKeeperSession.Configuration(connectionString: server.connectionString)
            configuration.auth = [("nonsense", [1])]
            let session = ZooKeeperSession(configuration: configuration, logger: quiet)
            await expectError(.authFailed) { try await session.run() }
        }
    }

    @Test func aSessionCanBeTakenOverAndEndedWithItsPassword() async throws {
        try await ZKTestServer.withServer { server in
            // Two clients of one session would take it from each other; so the first cannot connect for a while.
            let proxy = try await CuttableProxy.start(to: server.port)
            try await withSession("127.0.0.1:\(proxy.port)") { session in
                let identity = try #require(await session.sessionIdentity)
                #expect(identity.password.count == 16)
                try await session.create("/e", mode: .ephemeral)
                proxy.cut(forGood: true)
                try await withSession(server.connectionString) {
                    $0.resuming = identity
                } _: { other in
                    #expect(await other.sessionID == identity.id)
                    let stat = try await other.exists("/e")
                    #expect(stat?.ephemeralOwner == identity.id)
                }
                proxy.heal()
                try await eventually("a new session") { await session.sessionID.map { $0 != identity.id } ?? false }
                #expect(try await session.exists("/e") == nil)
            }
            try await proxy.close()
        }
    }

    @Test func aSessionThatTheServerDoesNotKnowIsFollowedByAnother() async throws {
        try await ZKTestServer.withServer { server in
            try await withSession(server.connectionString) {
                $0.resuming = SessionIdentity(id: 4711, password: [UInt8](repeating: 1, count: 16))
            } _: { session in
                #expect(await session.sessionID != 4711)
            }
        }
    }

    @Test func aCredentialThatIsGivenBetweenTwoConnectionsIsPresentedOnTheNext() async throws {
        try await ZKTestServer.withServer { server in
            try await withSession(server.connectionString) { session in
                try await server.stop(keepingSessions: true)
                try await eventually("suspended") { await session.sessionID == nil }
                let adding = Task {
                    while true {
                        do {
                            return try await session.addAuth(scheme: "digest", credential: Array("me:secret".utf8))
                        } catch let error as ZooKeeperError where error.code == .connectionLoss {
                            // It came in the moment of an attempt.
                            continue
                        }
                    }
                }
                try await eventually("it is kept") { await !session.unsentAuth.isEmpty }
                try await server.restart()
                try await adding.value
                try await session.create("/mine", acl: .creatorAll)
            }
        }
    }

    @Test func aCredentialGivenBeforeThereIsAServerIsPresentedToIt() async throws {
        try await ZKTestServer.withServer { server in
            try await server.stop(keepingSessions: false)
            var configuration = ZooKeeperSession.Configuration(connectionString: server.connectionString)
            configuration.auth = [("digest", Array("me:secret".utf8))]
            let session = ZooKeeperSession(configuration: configuration, logger: quiet)
            let running = Task { try await session.run() }
            await expectError(.connectTimeout) { try await session.waitUntilConnected(timeout: .milliseconds(300)) }
            try await server.restart()
            try await session.waitUntilConnected(timeout: .seconds(20))
            try await session.create("/mine", acl: .creatorAll)
            await session.close()
            try await running.value
        }
    }

    @Test func whoeverSubscribesLateHearsTheEnd() async throws {
        try await ZKTestServer.withServer { server in
            let session = try await withSession(server.connectionString) { session in session }
            var all: [SessionEvent] = []
            for await event in session.events { all.append(event) }
            #expect(all == [.closed])
        }
    }

    @Test func theServerGrantsTheTimeout() async throws {
        try await ZKTestServer.withServer { server in
            try await withSession(server.connectionString, sessionTimeout: .seconds(7)) { session in
                #expect(await session.negotiatedTimeout == .seconds(7))
                _ = try await session.exists("/")
            }
        }
    }
}
