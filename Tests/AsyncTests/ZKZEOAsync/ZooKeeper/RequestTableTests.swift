//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import ZKZEOAsync

@Suite struct RequestTableTests {
    typealias Table = RequestTable<String, Int>

    /// The phases that a number can be in.
    enum Phase: CaseIterable { case unknown, registered, cancelled, waiting, abandoned, finished }

    private static func table(_ phase: Phase) -> (Table, UInt32) {
        var table = Table()
        guard phase != .unknown else { return (table, 99) }
        let id = table.register(7)
        switch phase {
        case .unknown, .registered: break
        case .cancelled: _ = table.cancel(id)
        case .waiting: _ = table.attach("w", to: id)
        case .abandoned:
            _ = table.attach("w", to: id)
            _ = table.cancel(id)
        case .finished:
            _ = table.attach("w", to: id)
            _ = table.finish(id)
        }
        return (table, id)
    }

    @Test(arguments: Phase.allCases) func anAnswerComes(_ phase: Phase) {
        var (table, id) = Self.table(phase)
        let count = table.count
        let finished = table.finish(id)
        switch phase {
        case .waiting:
            #expect(finished?.waiter == "w")
            #expect(finished?.note == 7)
            #expect(table.count == 0)
        case .abandoned:
            #expect(finished != nil)
            #expect(finished?.waiter == nil)
            #expect(finished?.note == 7)
            #expect(table.count == 0)
        case .unknown, .registered, .cancelled, .finished:
            #expect(finished == nil)
            #expect(table.count == count)
        }
        // A second answer finds nobody.
        let second = table.finish(id)
        #expect(second == nil)
    }

    @Test(arguments: Phase.allCases) func aWaitIsCancelled(_ phase: Phase) {
        var (table, id) = Self.table(phase)
        #expect(table.cancel(id) == (phase == .waiting ? "w" : nil))
        #expect(table.cancel(id) == nil)
    }

    @Test(arguments: Phase.allCases) func allIsSwept(_ phase: Phase) {
        var (table, id) = Self.table(phase)
        let swept = table.sweep()
        #expect(swept.map(\.waiter) == (phase == .waiting ? ["w"] : []))
        #expect(table.count == (phase == .registered || phase == .cancelled ? 1 : 0))
        #expect(table.finish(id) == nil)
    }

    @Test func aRequestThatWasCancelledFirstIsNotSent() {
        var (table, id) = Self.table(.cancelled)
        let attached = table.attach("w", to: id)
        #expect(!attached)
        #expect(table.count == 0)
    }

    @Test func numbersAreNeverZeroAndNeverTakenTwice() {
        var table = Table(lastID: .max - 1)
        #expect(table.register(0) == .max)
        #expect(table.register(0) == 1)
        var around = Table(lastID: .max)
        #expect(around.register(0) == 1)
    }
}

extension RequestTableTests {
    @Test func aNumberThatWaitsIsSteppedOver() {
        var table = Table()
        let first = table.register(0)
        let attached = table.attach("w", to: first)
        #expect(attached)
        var numbers: Set<UInt32> = [first]
        for _ in 0..<1000 { #expect(numbers.insert(table.register(0)).inserted) }
    }
}
