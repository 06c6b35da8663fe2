//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import ZKZEOAsync

/// The session against Debian's ZooKeeper.
@Suite(.timeLimit(.minutes(1))) struct RealSessionTests {
    @Test func createsReadsChangesAndDeletesNodes() async throws {
        let zooKeeper = try await RealZooKeeper()
        try await withSession(zooKeeper.connectionString) { session in
            let created = try await session.create("/a", data: [1, 2, 3])
            #expect(created.path == "/a")
            #expect(created.stat?.version == 0)
            #expect(created.stat?.dataLength == 3)
            let (data, stat) = try await session.get("/a")
            #expect(data == [1, 2, 3])
            #expect(stat == created.stat)
            let changed = try await session.set("/a", data: [], version: 0)
            #expect(changed.version == 1)
            #expect(try await session.get("/a").data == [])
            _ = try await session.set("/a", data: nil)
            #expect(try await session.get("/a").data == nil)
            try await session.create("/a/ä", data: Array("ü".utf8))
            try await session.create("/a/b")
            #expect(try await session.children("/a").names.sorted() == ["b", "ä"])
            #expect(try await session.children("/a").stat.childCount == 2)
            #expect(try await session.exists("/a")?.childrenVersion == 2)
            #expect(try await session.exists("/none") == nil)
            try await session.delete("/a/b", version: 0)
            try await session.sync("/a")
            #expect(try await session.children("/a").names == ["ä"])
            let long = [UInt8](repeating: 7, count: 900_000)
            try await session.create("/long", data: long)
            #expect(try await session.get("/long").data == long)
        }
        try await zooKeeper.stop()
    }

    @Test func saysWhatIsWrong() async throws {
        let zooKeeper = try await RealZooKeeper()
        try await withSession(zooKeeper.connectionString) { session in
            try await session.create("/a/".dropLast().description)
            await expectError(.nodeExists) { try await session.create("/a") }
            await expectError(.noNode) { try await session.create("/x/y") }
            await expectError(.noNode) { try await session.get("/x") }
            await expectError(.noNode) { try await session.getWatching("/x") }
            await expectError(.noNode) { try await session.children("/x") }
            await expectError(.noNode) { try await session.set("/x", data: []) }
            await expectError(.noNode) { try await session.delete("/x") }
            await expectError(.badVersion) { try await session.set("/a", data: [], version: 7) }
            await expectError(.badVersion) { try await session.delete("/a", version: 7) }
            try await session.create("/a/b", mode: .ephemeral)
            await expectError(.notEmpty) { try await session.delete("/a") }
            await expectError(.noChildrenForEphemerals) { try await session.create("/a/b/c") }
            await expectError(.invalidACL) { try await session.create("/c", acl: []) }
            await expectError(.badArguments) { try await session.create("relative") }
            await expectError(.badArguments) { try await session.create("/a//b") }
            await expectError(.badArguments) { try await session.create("/a\0b") }
            await expectError(.badArguments) { try await session.multi([.delete("/a\0b")]) }
            do {
                try await session.delete("/none")
            } catch let error as ZooKeeperError {
                #expect(error.rawCode == -101)
                #expect(error.path == "/none")
                #expect(error.description == "ZooKeeper: noNode (-101) at /none")
            }
        }
        try await zooKeeper.stop()
    }

    @Test func allKindsOfNodes() async throws {
        let zooKeeper = try await RealZooKeeper()
        try await withSession(zooKeeper.connectionString) { session in
            let id = try #require(await session.sessionID)
            #expect(try await session.create("/p", mode: .persistent).stat?.ephemeralOwner == 0)
            #expect(try await session.create("/e", mode: .ephemeral).stat?.ephemeralOwner == id)
            #expect(try await session.create("/s-", mode: .persistentSequential).path == "/s-0000000002")
            let sequential = try await session.create("/t-", mode: .ephemeralSequential)
            #expect(sequential.path == "/t-0000000003")
            #expect(sequential.stat?.ephemeralOwner == id)
            #expect(try await session.create("/c", mode: .container).path == "/c")
            // Servers have to be told to allow these.
            await expectError(.unimplemented) {
                try await session.create("/ttl", mode: .persistent(timeToLive: .seconds(60)))
            }
        }
        try await withSession(zooKeeper.connectionString) { session in
            let names = try await session.children("/").names
            #expect(names.sorted() == ["c", "p", "s-0000000002", "zookeeper"])
        }
        try await zooKeeper.stop()
    }

    @Test func multiDoesAllOrNothing() async throws {
        let zooKeeper = try await RealZooKeeper()
        try await withSession(zooKeeper.connectionString) { session in
            #expect(try await session.multi([]) == [])
            let results = try await session.multi([
                .create("/m", data: [1]), .create("/m/s-", mode: .persistentSequential), .set("/m", data: [2]),
                .check("/m", version: 1), .create("/m/gone"), .delete("/m/gone", version: 0),
            ])
            #expect(results.count == 6)
            #expect(results[0] == .created(path: "/m"))
            #expect(results[1] == .created(path: "/m/s-0000000000"))
            if case .set(let stat) = results[2] { #expect(stat.version == 1) } else { Issue.record("no stat") }
            #expect(Array(results[3...]) == [.checked, .created(path: "/m/gone"), .deleted])
            do {
                try await session.multi([.set("/m", data: [3]), .delete("/none"), .create("/never")])
                Issue.record("no error was thrown")
            } catch let error as ZooKeeperError {
                #expect(error.code == .noNode)
                #expect(error.operationIndex == 1)
                #expect(error.path == "/none")
            }
            #expect(try await session.get("/m").data == [2])
            #expect(try await session.exists("/never") == nil)
        }
        try await zooKeeper.stop()
    }

    @Test func accessControl() async throws {
        let zooKeeper = try await RealZooKeeper()
        try await withSession(zooKeeper.connectionString) { session in
            try await session.create("/open")
            let (acl, stat) = try await session.getACL("/open")
            #expect(acl == .open)
            #expect(stat.aclVersion == 0)
            try await session.setACL("/open", .worldRead, version: 0)
            #expect(try await session.getACL("/open").acl == .worldRead)
            await expectError(.noAuth) { try await session.set("/open", data: [1]) }
            await expectError(.invalidACL) { try await session.create("/mine", acl: .creatorAll) }
            try await session.addAuth(scheme: "digest", credential: Array("me:secret".utf8))
            try await session.create("/mine", data: [1], acl: .creatorAll)
            #expect(try await session.getACL("/mine").acl.first?.scheme == "digest")
        }
        try await withSession(zooKeeper.connectionString) { session in
            await expectError(.noAuth) { try await session.get("/mine") }
        }
        try await withSession(zooKeeper.connectionString) {
            $0.auth = [("digest", Array("me:secret".utf8))]
        } _: { session in
            let data = try await session.get("/mine").data
            #expect(data == [1])
        }
        try await zooKeeper.stop()
    }

    @Test func chrootAndSeveralHosts() async throws {
        let zooKeeper = try await RealZooKeeper()
        try await withSession(zooKeeper.connectionString) { _ = try await $0.create("/root") }
        let nobody = try freePort()
        try await withSession("127.0.0.1:\(nobody),127.0.0.1:\(zooKeeper.port)/root") { session in
            #expect(try await session.create("/a").path == "/a")
            #expect(try await session.create("/s-", mode: .persistentSequential).path == "/s-0000000001")
            #expect(try await session.multi([.create("/b")]) == [.created(path: "/b")])
            #expect(try await session.children("/").names.sorted() == ["a", "b", "s-0000000001"])
            let (_, watch) = try await session.existsWatching("/c")
            try await session.create("/c")
            #expect(try await watch.fired() == .created)
        }
        try await withSession(zooKeeper.connectionString) { session in
            let names = try await session.children("/root").names
            #expect(names.count == 4)
        }
        try await zooKeeper.stop()
    }

    @Test func watchesTellOnce() async throws {
        let zooKeeper = try await RealZooKeeper()
        try await withSession(zooKeeper.connectionString) { session in
            let (nothing, creation) = try await session.existsWatching("/w")
            #expect(nothing == nil)
            try await session.create("/w")
            #expect(try await creation.fired() == .created)
            let (_, _, data) = try await session.getWatching("/w")
            let (_, _, again) = try await session.getWatching("/w")
            #expect(data === again)
            let (_, _, children) = try await session.childrenWatching("/w")
            let (_, existence) = try await session.existsWatching("/w")
            try await session.create("/w/c")
            #expect(try await children.fired() == .childrenChanged)
            #expect(data.event == nil)
            try await session.set("/w", data: [1])
            #expect(try await data.fired() == .dataChanged)
            #expect(try await existence.fired() == .dataChanged)
            let (_, _, next) = try await session.getWatching("/w")
            #expect(next !== data)
            let (_, _, nextChildren) = try await session.childrenWatching("/w")
            try await session.delete("/w/c")
            #expect(try await nextChildren.fired() == .childrenChanged)
            let (_, _, last) = try await session.childrenWatching("/w")
            try await session.delete("/w")
            #expect(try await next.fired() == .deleted)
            #expect(try await last.fired() == .deleted)
            #expect(await session.watches.count == 0)
        }
        try await zooKeeper.stop()
    }

    @Test func watchesEndWithTheSession() async throws {
        let zooKeeper = try await RealZooKeeper()
        let watch = try await withSession(zooKeeper.connectionString) { session in
            try await session.existsWatching("/w").watch
        }
        #expect(try await watch.fired() == .sessionLost)
        try await zooKeeper.stop()
    }
}
