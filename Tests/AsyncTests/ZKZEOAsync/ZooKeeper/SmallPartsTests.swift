//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import CZooKeeper
import Logging
import Testing

@testable import ZKZEOAsync

/// The small values of the ZooKeeper side.
@Suite(.timeLimit(.minutes(1))) struct SmallPartsTests {
    @Test(arguments: [
        ("localhost", "localhost:2181", "localhost:2181"), ("a:1,b:2/c/d", "a:1,b:2/c/d", "a:1,b:2/c/d"),
        ("a:1/", "a:1", "a:1"), (" a:1 , b ", "a:1,b:2181", "a:1,b:2181"), ("[::1]:5", "[::1]:5", "::1:5"),
        ("[::1]", "[::1]:2181", "::1:2181"),
    ])
    func connectionStringsAreRead(text: String, description: String, library: String) throws {
        let connection = try ConnectionString(text)
        #expect(connection.description == description)
        #expect(connection.forLibrary == library)
    }

    @Test(arguments: [
        "", ",", "a:1,", "a:b", "a:0", "a:65536", ":1", "a b:1", "::1:5", "/x", "a/b//c", "a/b/", "a\0:1",
    ])
    func wrongConnectionStringsAreRefused(text: String) {
        #expect(throws: ZooKeeperError.self) { try ConnectionString(text) }
    }

    @Test func errorsCarryWhatZooKeeperSays() {
        #expect(ZooKeeperError(rawCode: -101, path: "/a").description == "ZooKeeper: noNode (-101) at /a")
        #expect(ZooKeeperError(rawCode: -77).code == .other)
        #expect(ZooKeeperError(rawCode: -4).leavesOutcomeUnknown)
        #expect(!ZooKeeperError(rawCode: -110).leavesOutcomeUnknown)
    }

    @Test(
        arguments: [
            ("/", nil), ("/a", nil), ("/a/b", nil), ("/...", nil), ("", "slash"), ("a", "slash"), ("//", "empty"),
            ("/a/", "empty"), ("/a//b", "empty"), ("/.", "names"), ("/a/../b", "names"), ("/a\0", "zero"),
        ] as [(String, String?)]
    )
    func pathsAreJudged(path: String, fault: String?) {
        let found = PathRules.fault(in: path)
        if let fault { #expect(found?.contains(fault) == true) } else { #expect(found == nil) }
        #expect(PathRules.fault(in: "/a/", isSequential: true) == nil)
        #expect(PathRules.fault(in: "/", isSequential: true) == nil)
    }

    @Test func logLinesAreTakenApart() {
        let line = ZKLogLine("2026-01-01 00:00:00,000:1(0x7f):ZOO_WARN@zookeeper_interest@2597: Delaying: a@b: c")
        #expect(line.level == .warning)
        #expect(line.function == "zookeeper_interest")
        #expect(line.text == "Delaying: a@b: c")
        #expect(ZKLogLine("something else").text == "something else")
        var logger = Logger(label: "test")
        let levels: [(Logger.Level, ZKLogLine.Level)] = [(.trace, .debug), (.debug, .warning), (.info, .silent)]
        for (level, wanted) in levels {
            logger.logLevel = level
            #expect(ZKLogForwarder.level(for: logger) == wanted)
        }
    }

    @Test func tokensSurviveBeingPointers() {
        for token in [
            CallbackToken(slot: 1, id: 0), CallbackToken(slot: .max, id: .max), CallbackToken(slot: 7, id: 9),
        ] {
            #expect(token.pointer != nil)
            #expect(CallbackToken(UnsafeRawPointer(token.pointer)) == token)
        }
    }

    @Test func aClosedSlotIsAMiss() async {
        let (slot, inbox, _) = CallbackRouter.open(logLevel: .silent)
        CallbackRouter.deliver(.stopRequested, to: slot)
        CallbackRouter.close(slot: slot)
        CallbackRouter.deliver(.stopRequested, to: slot)
        CallbackRouter.deliver(0, .nothing, to: CallbackToken(slot: slot, id: 1).pointer)
        var events: [String] = []
        for await event in inbox { events.append("\(event)") }
        #expect(events == ["stopRequested", "closed"])
    }

    @Test func ourConstantsAreTheLibrarys() {
        #expect(ZNodeACL.Permissions.all.rawValue == ZOO_PERM_ALL)
        #expect(CreateMode.ephemeral.kind.rawValue == ZOO_EPHEMERAL)
        #expect(CreateMode.ephemeralSequential.kind.rawValue == ZOO_EPHEMERAL_SEQUENTIAL)
        #expect(CreateMode.container.kind.rawValue == ZOO_CONTAINER)
        #expect(CreateMode.persistent(timeToLive: .seconds(1)).kind.rawValue == ZOO_PERSISTENT_WITH_TTL)
        for (ours, theirs) in [
            ([ZNodeACL].open, zkzeo_acl_open_unsafe()), (.worldRead, zkzeo_acl_read_unsafe()),
            (.creatorAll, zkzeo_acl_creator_all()),
        ] {
            guard let vector = theirs?.pointee else { continue }
            #expect(vector.count == 1)
            #expect(vector.data[0].perms == ours[0].permissions.rawValue)
            #expect(String(cString: vector.data[0].id.scheme) == ours[0].scheme)
            #expect(String(cString: vector.data[0].id.id) == ours[0].identity)
        }
    }

    @Test func waitsGrowToALimitWithJitter() {
        let retry = RetryDelay(first: .milliseconds(100), limit: .seconds(1))
        #expect(retry.delay(attempt: 0, chance: 1) == .zero)
        #expect(retry.delay(attempt: 1, chance: 1) == .milliseconds(100))
        #expect(retry.delay(attempt: 1, chance: 0) == .milliseconds(50))
        #expect(retry.delay(attempt: 3, chance: 1) == .milliseconds(400))
        #expect(retry.delay(attempt: 9, chance: 1) == .seconds(1))
        #expect(retry.delay(attempt: .max, chance: 0) == .milliseconds(500))
    }

    @Test func aOneShotIsSetOnceAndCanBeCancelled() async throws {
        let shot = OneShot<Int>()
        let cancelled = Task { try await shot.wait() }
        let waiting = Task { try await shot.wait() }
        cancelled.cancel()
        await #expect(throws: CancellationError.self) { try await cancelled.value }
        shot.set(1)
        shot.set(2)
        #expect(try await waiting.value == 1)
        #expect(try await shot.wait() == 1)
    }

    @Test func aBroadcastGivesEachTheNewestFirst() async {
        let broadcast = Broadcast<Int>(depth: 1)
        var early = broadcast.subscribe().makeAsyncIterator()
        broadcast.publish(1)
        broadcast.publish(2)
        var late = broadcast.subscribe().makeAsyncIterator()
        #expect(await early.next() == 2)
        #expect(await late.next() == 2)
        broadcast.finish()
        broadcast.publish(3)
        #expect(await early.next() == nil)
        var after = broadcast.subscribe().makeAsyncIterator()
        #expect(await after.next() == 2)
        #expect(await after.next() == nil)
    }
}
