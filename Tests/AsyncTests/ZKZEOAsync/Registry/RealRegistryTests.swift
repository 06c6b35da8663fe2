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
}
