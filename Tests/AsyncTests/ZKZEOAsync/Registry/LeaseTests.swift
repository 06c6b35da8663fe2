//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import ServiceLifecycle
import Testing
import ZKTestServer

@testable import ZKZEOAsync

/// The lease, with everything that can happen to sessions and nodes.
@Suite(.timeLimit(.minutes(1))) struct LeaseTests {
    static let name = "192.0.2.7:8100"
    static let path = "/databases/demo/192.0.2.7:8100"

    @Test func registersAgainAfterItsSessionHasExpired() async throws {
        try await ZKTestServer.withServer { server in
            try await withLease(server, [Registration(name: Self.name, holdsSocket: true)]) { session, lease in
                let id = try #require(await session.sessionID)
                await server.expireSession(id)
                try await eventually("registered in a new session") {
                    if case .registered(let next) = lease.nodes[Self.name] { next != id } else { false }
                }
                #expect(try await session.exists(Self.path)?.ephemeralOwner == session.sessionID)
            }
        }
    }

    @Test func aBrokenConnectionChangesNothing() async throws {
        try await ZKTestServer.withServer { server in
            try await withLease(server, [Registration(name: Self.name, holdsSocket: true)]) { session, lease in
                let before = try #require(try await session.exists(Self.path))
                await server.refuseConnections(true)
                await server.dropConnections()
                try await eventually("suspended") { await session.sessionID == nil }
                #expect(lease.nodes[Self.name] == .registered(sessionID: before.ephemeralOwner))
                await server.refuseConnections(false)
                try await session.waitUntilConnected(timeout: .seconds(20))
                #expect(try await session.exists(Self.path) == before)
            }
        }
    }

    @Test func aNodeThatSomebodyDeletesComesBack() async throws {
        try await ZKTestServer.withServer { server in
            try await withLease(server, [Registration(name: Self.name, holdsSocket: true)]) { session, lease in
                let before = try #require(try await session.exists(Self.path))
                try await withSession(server.connectionString) { try await $0.delete(Self.path) }
                try await eventually("the node is back") {
                    let stat = try await session.exists(Self.path)
                    return stat.map { $0.creationTransaction > before.creationTransaction } ?? false
                }
                try await lease.waitUntilRegistered()
            }
        }
    }

    @Test func aPathThatGoesMissingLaterIsWaitedFor() async throws {
        try await ZKTestServer.withServer { server in
            try await withLease(server, [Registration(name: Self.name, holdsSocket: true)]) { session, lease in
                try await session.multi([.delete(Self.path), .delete("/databases/demo")])
                try await eventually("it misses the path") {
                    if case .registering(let error?) = lease.nodes[Self.name] { error.code == .noNode } else { false }
                }
                try await session.ensurePath("/databases/demo")
                try await lease.waitUntilRegistered()
            }
        }
    }

    @Test func aLeaseThatEndsWhileTheConnectionIsLostRemovesItsNodeAfterwards() async throws {
        try await ZKTestServer.withServer { server in
            try await withLease(server, [Registration(name: Self.name, holdsSocket: true)]) { session, lease in
                try await server.stop(keepingSessions: true)
                try await eventually("suspended") { await session.sessionID == nil }
                lease.close()
                try await server.restart()
            }
        }
    }

    @Test func aServerThatForgetsTheSessionWhileAwayGetsTheNodeAgain() async throws {
        try await ZKTestServer.withServer { server in
            try await withLease(server, [Registration(name: Self.name, holdsSocket: true)]) { session, lease in
                let id = try #require(await session.sessionID)
                try await server.stop(keepingSessions: false)
                try await server.restart()
                try await eventually("registered in a new session") {
                    if case .registered(let next) = lease.nodes[Self.name] { next != id } else { false }
                }
            }
        }
    }

    @Test func aSwappedSessionTakesItsOwnLeftoverOver() async throws {
        try await ZKTestServer.withServer { server in
            // A name that nothing else would let it take over.
            let registration = Registration(name: "localhost:8100", holdsSocket: false)
            try await withLease(server, [registration]) { session, lease in
                let id = try #require(await session.sessionID)
                await server.swapSessions(true)
                await server.dropConnections()
                try await eventually("registered in a new session") {
                    if case .registered(let next) = lease.nodes["localhost:8100"] { next != id } else { false }
                }
                await server.swapSessions(false)
            }
        }
    }

    @Test func severalNodesOfOneLeaseHaveEachItsOwnState() async throws {
        try await ZKTestServer.withServer { server in
            try await withSession(server.connectionString) { other in
                try await other.ensurePath("/databases/demo")
                try await other.create(
                    "/databases/demo/127.0.0.1:1",
                    data: Array(#"{"pid": 1}"#.utf8),
                    mode: .ephemeral
                )
                let id = try #require(await other.sessionID)
                let registrations = [
                    Registration(name: Self.name, holdsSocket: true),
                    Registration(name: "127.0.0.1:1", holdsSocket: true),
                    Registration(name: "[2001:db8::1]:8100", holdsSocket: true),
                ]
                try await withLease(server, registrations, waitUntilRegistered: false) { session, lease in
                    try await eventually("two of three") {
                        lease.nodes["127.0.0.1:1"] == .blocked(owner: id, pid: 1)
                            && lease.nodes.values.count { if case .registered = $0 { true } else { false } } == 2
                    }
                    try await other.delete("/databases/demo/127.0.0.1:1")
                    try await lease.waitUntilRegistered()
                    #expect(try await session.children("/databases/demo").names.count == 3)
                }
                #expect(try await other.children("/databases/demo").names == [])
            }
        }
    }

    @Test func aMissingPathFailsWhereItIsToFail() async throws {
        try await ZKTestServer.withServer { server in
            try await withSession(server.connectionString) { session in
                let lease = RegistrationLease(
                    session: session,
                    path: "/missing",
                    nodes: [
                        Registration(name: "a:1", holdsSocket: false), Registration(name: "b:1", holdsSocket: false),
                    ],
                    logger: quiet
                )
                await expectError(.noNode) { try await lease.run() }
                await expectError(.noNode) { try await lease.waitUntilRegistered() }
                await expectError(.alreadyRunning) { try await lease.run() }
            }
        }
    }

    @Test func aMissingPathIsWaitedForWhereItIsToBeWaitedFor() async throws {
        try await ZKTestServer.withServer { server in
            try await withSession(server.connectionString) { session in
                let lease = RegistrationLease(
                    session: session,
                    path: "/missing/path",
                    nodes: [Registration(name: "a:1", holdsSocket: false)],
                    missingPath: .keepTrying,
                    logger: quiet
                )
                let running = Task { try await lease.run() }
                try await eventually("it has been tried") {
                    if case .registering(let error?) = lease.nodes["a:1"] { error.code == .noNode } else { false }
                }
                try await session.ensurePath("/missing/path")
                try await lease.waitUntilRegistered()
                lease.close()
                try await running.value
                #expect(lease.nodes["a:1"] == .ended)
            }
        }
    }

    @Test func linksInThePathAreFollowed() async throws {
        try await ZKTestServer.withServer { server in
            try await withSession(server.connectionString) { session in
                try await session.ensurePath("/real/place")
                try await session.create("/alias", data: Array(#"{"db ->": "../real/./place"}"#.utf8))
                let lease = RegistrationLease(
                    session: session,
                    path: "/alias/db",
                    nodes: [Registration(name: "a:1", holdsSocket: false)],
                    logger: quiet
                )
                let running = Task { try await lease.run() }
                try await lease.waitUntilRegistered()
                #expect(try await session.children("/real/place").names == ["a:1"])
                lease.close()
                try await running.value
                #expect(try await session.children("/real/place").names == [])
            }
        }
    }

    @Test func inAServiceGroupTheNodesGoBeforeTheSession() async throws {
        try await ZKTestServer.withServer { server in
            try await withSession(server.connectionString) { other in
                try await other.ensurePath("/databases/demo")
                let session = ZooKeeperSession(
                    configuration: .init(connectionString: server.connectionString),
                    logger: quiet
                )
                let lease = RegistrationLease(
                    session: session,
                    path: "/databases/demo",
                    nodes: [Registration(name: Self.name, holdsSocket: true)],
                    logger: quiet
                )
                let group = ServiceGroup(services: [session, lease], logger: quiet)
                let running = Task { try await group.run() }
                try await lease.waitUntilRegistered()
                let id = try #require(await session.sessionID)
                let (_, watch) = try await other.existsWatching(Self.path)
                await group.triggerGracefulShutdown()
                #expect(try await watch.fired() == .deleted)
                try await running.value
                #expect(await !server.sessionIDs().contains(id))
            }
        }
    }

    @Test func aLeaseWhoseSessionEndsSaysSo() async throws {
        try await ZKTestServer.withServer { server in
            let session = ZooKeeperSession(
                configuration: .init(connectionString: server.connectionString),
                logger: quiet
            )
            let running = Task { try await session.run() }
            try await session.waitUntilConnected(timeout: .seconds(20))
            try await session.ensurePath("/databases/demo")
            let lease = RegistrationLease(
                session: session,
                path: "/databases/demo",
                nodes: [Registration(name: Self.name, holdsSocket: true)],
                logger: quiet
            )
            let leasing = Task { try await lease.run() }
            try await lease.waitUntilRegistered()
            await session.close()
            await expectError(.sessionClosed) { try await leasing.value }
            try await running.value
        }
    }
}

/// Runs `body` with a lease at /databases/demo in a session of its own; afterwards its nodes must be gone.
func withLease(
    _ server: ZKTestServer,
    _ registrations: [Registration],
    waitUntilRegistered: Bool = true,
    _ body: @Sendable (ZooKeeperSession, RegistrationLease) async throws -> Void
) async throws {
    try await withSession(server.connectionString) { session in
        try await session.ensurePath("/databases/demo")
        let lease = RegistrationLease(session: session, path: "/databases/demo", nodes: registrations, logger: quiet)
        let running = Task { try await lease.run() }
        defer { lease.close() }
        if waitUntilRegistered { try await lease.waitUntilRegistered() }
        try await body(session, lease)
        try await session.waitUntilConnected(timeout: .seconds(20))
        lease.close()
        try await running.value
        for registration in registrations {
            #expect(try await session.exists("/databases/demo/" + registration.name) == nil)
        }
    }
}
