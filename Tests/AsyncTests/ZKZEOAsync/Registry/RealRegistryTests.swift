//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import ZKZEOAsync

/// The lease and the watcher against Debian's ZooKeeper.
@Suite(.timeLimit(.minutes(1))) struct RealRegistryTests {
    @Test func registersAndFindsAndRemoves() async throws {
        let zooKeeper = try await RealZooKeeper()
        try await withSession(zooKeeper.connectionString) { session in
            try await session.ensurePath("/databases/demo")
            let watcher = AddressWatcher(session: session, path: "/databases/demo", logger: quiet)
            async let watching: Void = watcher.run()
            var sets = watcher.addresses.makeAsyncIterator()
            #expect(await sets.next(isolation: nil) == AddressSet(names: []))
            let lease = RegistrationLease(
                session: session,
                path: "/databases/demo",
                nodes: [
                    Registration(name: "127.0.0.1:8100", properties: ["monitor": "127.0.0.1:8101"], holdsSocket: true)
                ],
                logger: quiet
            )
            async let leasing: Void = lease.run()
            try await lease.waitUntilRegistered()
            let id = try #require(await session.sessionID)
            #expect(lease.nodes == ["127.0.0.1:8100": .registered(sessionID: id)])
            let (data, stat) = try await session.get("/databases/demo/127.0.0.1:8100")
            #expect(stat.ephemeralOwner == id)
            #expect(NodeProperties(data: data).pid == getpid())
            #expect(NodeProperties(data: data)["monitor"] == "127.0.0.1:8101")
            #expect(try await session.getACL("/databases/demo/127.0.0.1:8100").acl == .worldRead)
            #expect(await sets.next(isolation: nil)?.addresses == [ServiceAddress(host: "127.0.0.1", port: 8100)])
            lease.close()
            try await leasing
            #expect(try await session.children("/databases/demo").names == [])
            #expect(await sets.next(isolation: nil) == AddressSet(names: []))
            watcher.close()
            try await watching
            #expect(await sets.next(isolation: nil) == nil)
        }
        try await zooKeeper.stop()
    }

    @Test func registersAgainAfterItsSessionHasExpired() async throws {
        let zooKeeper = try await RealZooKeeper()
        let proxy = try await CuttableProxy.start(to: zooKeeper.port)
        try await withSession(zooKeeper.connectionString) { other in
            try await other.ensurePath("/databases/demo")
            try await withSession("127.0.0.1:\(proxy.port)", sessionTimeout: .seconds(1)) { session in
                let lease = RegistrationLease(
                    session: session,
                    path: "/databases/demo",
                    nodes: [Registration(name: "127.0.0.1:8100", holdsSocket: true)],
                    logger: quiet
                )
                let running = Task { try await lease.run() }
                try await lease.waitUntilRegistered()
                let id = try #require(await session.sessionID)
                let (_, gone) = try await other.existsWatching("/databases/demo/127.0.0.1:8100")
                proxy.cut(forGood: true)
                #expect(try await gone.fired() == .deleted)
                // Nobody has told the lease yet.
                #expect(lease.nodes == ["127.0.0.1:8100": .registered(sessionID: id)])
                proxy.heal()
                try await eventually("registered in a new session") {
                    if case .registered(let next) = lease.nodes["127.0.0.1:8100"] { next != id } else { false }
                }
                #expect(try await other.exists("/databases/demo/127.0.0.1:8100")?.ephemeralOwner == session.sessionID)
                lease.close()
                try await running.value
            }
        }
        try await proxy.close()
        try await zooKeeper.stop()
    }

    @Test func aServerThatIsKilledAndComesBackChangesNothing() async throws {
        let zooKeeper = try await RealZooKeeper()
        try await withSession(zooKeeper.connectionString) { session in
            try await session.ensurePath("/databases/demo")
            let watcher = AddressWatcher(session: session, path: "/databases/demo", logger: quiet)
            let watching = Task { try await watcher.run() }
            let lease = RegistrationLease(
                session: session,
                path: "/databases/demo",
                nodes: [Registration(name: "127.0.0.1:8100", holdsSocket: true)],
                logger: quiet
            )
            let leasing = Task { try await lease.run() }
            try await lease.waitUntilRegistered()
            try await eventually("found") { watcher.current?.names == ["127.0.0.1:8100"] }
            let before = try #require(try await session.exists("/databases/demo/127.0.0.1:8100"))
            try await zooKeeper.stop()
            try await eventually("suspended") { await session.sessionID == nil }
            #expect(watcher.current?.names == ["127.0.0.1:8100"])
            #expect(lease.nodes == ["127.0.0.1:8100": .registered(sessionID: before.ephemeralOwner)])
            try await zooKeeper.start()
            try await session.waitUntilConnected(timeout: .seconds(30))
            #expect(try await session.exists("/databases/demo/127.0.0.1:8100") == before)
            #expect(watcher.current?.names == ["127.0.0.1:8100"])
            lease.close()
            try await leasing.value
            try await eventually("not found") { watcher.current == AddressSet(names: []) }
            watcher.close()
            try await watching.value
        }
        try await zooKeeper.stop()
    }
}
