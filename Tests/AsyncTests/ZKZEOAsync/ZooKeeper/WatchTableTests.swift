//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import ZKZEOAsync

@Suite struct WatchTableTests {
    typealias Table = WatchTable<Int>
    private static let key = Table.Key(kind: .data, path: "/a")

    @Test func aWatchIsSetByTheAnswerAndFiresOnce() {
        var table = Table()
        let id = table.reserve(Self.key)
        #expect(id != 0)
        #expect(table.fired(id) == nil)
        #expect(table.answered(Self.key, armed: true) { 1 } == 1)
        #expect(table.fired(id) == 1)
        #expect(table.fired(id) == nil)
        #expect(table.count == 0)
    }

    @Test func aRequestThatFailsLeavesNone() {
        var table = Table()
        _ = table.reserve(Self.key)
        #expect(table.answered(Self.key, armed: false) { 1 } == nil)
        #expect(table.count == 0)
    }

    @Test func requestsForTheSameThingShareOne() {
        var table = Table()
        let id = table.reserve(Self.key)
        #expect(table.reserve(Self.key) == id)
        #expect(table.answered(Self.key, armed: true) { 1 } == 1)
        #expect(table.answered(Self.key, armed: true) { 2 } == 1)
        #expect(table.reserve(Self.key) == id)
        #expect(table.answered(Self.key, armed: true) { 3 } == 1)
        #expect(table.fired(id) == 1)
        #expect(table.count == 0)
    }

    @Test func anEventBeforeTheAnswerEndsTheOldWatchAndTheAnswerSetsANewOne() {
        var table = Table()
        let id = table.reserve(Self.key)
        #expect(table.answered(Self.key, armed: true) { 1 } == 1)
        #expect(table.reserve(Self.key) == id)
        #expect(table.fired(id) == 1)
        #expect(table.answered(Self.key, armed: true) { 2 } == 2)
        #expect(table.fired(id) == 2)
    }

    @Test func differentThingsHaveDifferentNumbers() {
        var table = Table()
        let keys = [
            Self.key, Table.Key(kind: .children, path: "/a"), Table.Key(kind: .existence, path: "/a"),
            Table.Key(kind: .data, path: "/\u{e9}"), Table.Key(kind: .data, path: "/e\u{301}"),
        ]
        #expect(Set(keys.map { table.reserve($0) }).count == keys.count)
    }

    @Test func theEndOfTheSessionReturnsAllThatAreSet() {
        var table = Table()
        let other = Table.Key(kind: .children, path: "/a")
        let id = table.reserve(Self.key)
        _ = table.reserve(other)
        #expect(table.answered(Self.key, armed: true) { 1 } == 1)
        #expect(table.sweep() == [1])
        #expect(table.count == 0)
        #expect(table.fired(id) == nil)
        #expect(table.answered(other, armed: true) { 2 } == nil)
    }
}
