//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import ZKTestServer

@testable import ZKZEOAsync

/// The watcher, with everything that can happen to paths, links, sessions and connections.
@Suite(.timeLimit(.minutes(1))) struct WatcherTests {
    @Test func followsWhatIsRegisteredAndSkipsWhatIsNoAddress() async throws {
        try await withWatcher { server, session, watcher in
            var sets = watcher.addresses.makeAsyncIterator()
            #expect(await sets.next(isolation: nil) == AddressSet(names: []))
            try await session.create("/demo/b:2")
            try await eventually("one") { watcher.current?.names == ["b:2"] }
            try await session.multi([.create("/demo/a:1"), .create("/demo/[::1]:3"), .create("/demo/lock")])
            try await eventually("three") {
                watcher.current?.addresses == ["[::1]:3", "a:1", "b:2"].compactMap(ServiceAddress.init)
            }
            #expect(watcher.current?.names == ["[::1]:3", "a:1", "b:2", "lock"])
            try await session.delete("/demo/b:2")
            try await eventually("two") { watcher.current?.addresses.count == 2 }
        }
    }

    @Test func manySubscribersSeeTheNewestSet() async throws {
        try await withWatcher { server, session, watcher in
            var slow = watcher.addresses.makeAsyncIterator()
            for index in 1...20 { try await session.create("/demo/h:\(index)") }
            try await eventually("all") { watcher.current?.addresses.count == 20 }
            var late = watcher.addresses.makeAsyncIterator()
            #expect(await slow.next(isolation: nil)?.addresses.count == 20)
            #expect(await late.next(isolation: nil)?.addresses.count == 20)
        }
    }

    @Test func aSnapshotTellsSinceWhenItHoldsAndWhetherZooKeeperIsInReach() async throws {
        try await withWatcher { server, session, watcher in
            var snapshots = watcher.snapshots.makeAsyncIterator()
            let empty = await snapshots.next(isolation: nil)
            #expect(empty?.set == AddressSet(names: []) && empty?.isConnected == true)
            try await session.create("/demo/a:1")
            let full = await snapshots.next(isolation: nil)
            #expect(full?.set == AddressSet(names: ["a:1"]) && full?.isConnected == true)
            #expect(try #require(full?.since) > #require(empty?.since))

            await server.refuseConnections(true)
            await server.dropConnections()
            let doubtful = await snapshots.next(isolation: nil)
            #expect(doubtful?.set == full?.set && doubtful?.since == full?.since && doubtful?.isConnected == false)
            await server.refuseConnections(false)
            #expect(await snapshots.next(isolation: nil) == full)
        }
    }

    @Test func noTroubleWithConnectionsTakesAnAddressAway() async throws {
        try await withWatcher { server, session, watcher in
            try await withSession(server.connectionString) { other in
                try await other.create("/demo/a:1")
                try await eventually("one") { watcher.current?.names == ["a:1"] }
                let seen = Task {
                    var sets: [AddressSet] = []
                    for await set in watcher.addresses { sets.append(set) }
                    return sets
                }
                await server.refuseConnections(true)
                await server.dropConnections()
                try await eventually("suspended") { await session.sessionID == nil }
                #expect(watcher.current?.names == ["a:1"])
                await server.refuseConnections(false)
                let id = try await session.waitUntilConnected(timeout: .seconds(20))
                try await server.stop(keepingSessions: true)
                try await eventually("suspended") { await session.sessionID == nil }
                try await server.restart()
                try await session.waitUntilConnected(timeout: .seconds(20))
                await server.expireSession(id)
                try await eventually("a new session") { await session.sessionID.map { $0 != id } ?? false }
                try await other.waitUntilConnected(timeout: .seconds(20))
                try await other.create("/demo/b:2")
                try await eventually("two") { watcher.current?.names == ["a:1", "b:2"] }
                watcher.close()
                let names = await seen.value.map(\.names)
                #expect(names.allSatisfy { $0.contains("a:1") })
                // Nothing was told twice.
                #expect(names.count <= 2)
            }
        }
    }

    @Test func aChangeWhileThereIsNoConnectionIsFound() async throws {
        try await withWatcher { server, session, watcher in
            try await withSession(server.connectionString) { other in
                try await eventually("read") { watcher.current != nil }
                let id = try #require(await session.sessionID)
                for index in 1...10 {
                    await server.dropConnections(of: id)
                    try await other.create("/demo/a:\(index)")
                }
                try await eventually("all") { watcher.current?.addresses.count == 10 }
            }
        }
    }

    @Test func aMissingPathIsSaidAndItsCreationIsFound() async throws {
        try await withWatcher(path: "/not/yet/there") { server, session, watcher in
            var sets = watcher.addresses.makeAsyncIterator()
            #expect(await sets.next(isolation: nil) == AddressSet(names: nil))
            try await session.ensurePath("/not/yet/there")
            #expect(await sets.next(isolation: nil) == AddressSet(names: []))
            try await session.create("/not/yet/there/a:1")
            #expect(await sets.next(isolation: nil)?.names == ["a:1"])
            try await session.delete("/not/yet/there/a:1")
            try await eventually("none") { watcher.current == AddressSet(names: []) }
            try await session.delete("/not/yet/there")
            try await eventually("gone") { watcher.current == AddressSet(names: nil) }
            try await session.delete("/not/yet")
            try await session.ensurePath("/not/yet/there")
            try await eventually("back") { watcher.current == AddressSet(names: []) }
            try await session.create("/not/yet/there/b:1")
            try await eventually("followed again") { watcher.current?.names == ["b:1"] }
        }
    }

    @Test func aLinkThatIsPointedElsewhereIsFollowed() async throws {
        try await withWatcher(path: "/alias/db") { server, session, watcher in
            try await eventually("missing") { watcher.current == AddressSet(names: nil) }
            try await session.multi([
                .create("/one"), .create("/one/a:1"), .create("/two"), .create("/two/b:2"), .create("/three"),
                .create("/three/hop", data: Array(#"{"on ->": "../../two"}"#.utf8)),
            ])
            try await session.create("/alias", data: Array(#"{"db ->": "/one"}"#.utf8))
            try await eventually("one") { watcher.current?.names == ["a:1"] }
            try await session.set("/alias", data: Array(#"{"db ->": "../three/hop/on"}"#.utf8))
            try await eventually("two, over another link") { watcher.current?.names == ["b:2"] }
            try await session.set("/three/hop", data: Array(#"{"on ->": "/one"}"#.utf8))
            try await eventually("one again") { watcher.current?.names == ["a:1"] }
            try await session.create("/one/c:3")
            try await eventually("followed") { watcher.current?.names == ["a:1", "c:3"] }
            try await session.create("/alias/db")
            try await eventually("a node wins over a link") { watcher.current == AddressSet(names: []) }
            try await session.delete("/alias/db")
            try await eventually("the link again") { watcher.current?.names == ["a:1", "c:3"] }
            try await session.set("/alias", data: Array(#"{"db ->": "/alias/db"}"#.utf8))
            try await eventually("a loop leads nowhere") { watcher.current == AddressSet(names: nil) }
            await expectError(.linkLoop) { try await Links.resolve("/alias/db", in: session) }
            try await session.set("/alias", data: Array(#"{"db ->": "/two"}"#.utf8))
            try await eventually("out of the loop") { watcher.current?.names == ["b:2"] }
        }
    }

    @Test func flappingPilesUpNoWatches() async throws {
        try await withWatcher { server, session, watcher in
            try await eventually("read") { watcher.current != nil }
            for index in 0..<50 {
                try await session.create("/demo/a:1")
                try await eventually("there \(index)") { watcher.current?.addresses.count == 1 }
                try await session.delete("/demo/a:1")
                try await eventually("gone \(index)") { watcher.current?.addresses.isEmpty == true }
            }
            #expect(await session.watches.count <= 3)
        }
    }

    @Test func resolvesAsZCZKDoes() async throws {
        try await ZKTestServer.withServer { server in
            try await withSession(server.connectionString) { session in
                try await session.multi([
                    .create("/a", data: Array(#"{"link ->": "b/c", "up ->": "../d", "root ->": "/"}"#.utf8)),
                    .create("/a/b"), .create("/a/b/c"), .create("/d"), .create("/d/e"),
                ])
                #expect(try await Links.resolve("/a/b/c", in: session) == "/a/b/c")
                #expect(try await Links.resolve("/a/link", in: session) == "/a/b/c")
                #expect(try await Links.resolve("/a/up/e", in: session) == "/d/e")
                #expect(try await Links.resolve("/a/./b/../link", in: session) == "/a/b/c")
                #expect(try await Links.resolve("/a/root/d", in: session) == "/d")
                #expect(try await Links.resolve("/", in: session) == "/")
                await expectError(.noNode) { try await Links.resolve("/a/none", in: session) }
                await expectError(.noNode) { try await Links.resolve("/none/none", in: session) }
                await expectError(.noNode) { try await Links.resolve("/a/link/none", in: session) }
            }
        }
    }

    private func withWatcher(
        path: String = "/demo",
        _ body: @Sendable (ZKTestServer, ZooKeeperSession, AddressWatcher) async throws -> Void
    ) async throws {
        try await ZKTestServer.withServer { server in
            try await withSession(server.connectionString) { session in
                if path == "/demo" { try await session.create(path) }
                let watcher = AddressWatcher(session: session, path: path, logger: quiet)
                let running = Task { try await watcher.run() }
                defer { watcher.close() }
                try await body(server, session, watcher)
                watcher.close()
                try await running.value
                await expectError(.alreadyRunning) { try await watcher.run() }
            }
        }
    }
}
