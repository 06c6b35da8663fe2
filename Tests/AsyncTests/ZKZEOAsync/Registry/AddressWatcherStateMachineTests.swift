//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import ZKZEOAsync

/// Every state with every event.
@Suite struct AddressWatcherStateMachineTests {
    typealias Machine = AddressWatcherStateMachine

    enum Start: CaseIterable { case waiting, reading, holding, pausing, ended }

    private static let set = AddressSet(names: ["a:1"])
    private static let lost = ZooKeeperError(.connectionLoss)

    private static func machine(_ start: Start) -> Machine {
        var machine = Machine()
        if start == .waiting { return machine }
        _ = machine.connected(1)
        switch start {
        case .waiting, .reading: break
        case .holding: _ = machine.didRead(in: 1, .success(Self.set))
        case .pausing: _ = machine.didRead(in: 1, .failure(Self.lost))
        case .ended: _ = machine.stop()
        }
        return machine
    }

    private static let states: [Start: Machine.State] = [
        .waiting: .waiting, .reading: .reading(1), .holding: .holding(1), .pausing: .pausing(1, attempt: 1),
        .ended: .ended,
    ]

    private func check(
        _ start: Start,
        _ action: Machine.Action,
        _ state: Machine.State? = nil,
        sourceLocation: SourceLocation = #_sourceLocation,
        _ event: (inout Machine) -> Machine.Action
    ) {
        var machine = Self.machine(start)
        #expect(machine.state == Self.states[start], sourceLocation: sourceLocation)
        #expect(event(&machine) == action, sourceLocation: sourceLocation)
        #expect(machine.state == state ?? Self.states[start], sourceLocation: sourceLocation)
    }

    @Test(arguments: Start.allCases) func aConnectionInTheSameSession(_ start: Start) {
        if start == .waiting || start == .pausing {
            self.check(start, .read, .reading(1)) { $0.connected(1) }
        } else {
            self.check(start, .none) { $0.connected(1) }
        }
    }

    @Test(arguments: Start.allCases) func aConnectionInAnotherSession(_ start: Start) {
        if start == .ended {
            self.check(start, .none) { $0.connected(2) }
        } else {
            self.check(start, .read, .reading(2)) { $0.connected(2) }
        }
    }

    @Test(arguments: Start.allCases) func aBrokenConnectionChangesNothing(_ start: Start) {
        self.check(start, .none) { $0.suspended() }
    }

    @Test(arguments: Start.allCases) func theSessionExpires(_ start: Start) {
        self.check(start, .none, start == .ended ? .ended : .waiting) { $0.expired() }
    }

    @Test(arguments: Start.allCases) func aReadingEnds(_ start: Start) {
        guard start == .reading else {
            self.check(start, .none) { $0.didRead(in: 1, .success(Self.set)) }
            self.check(start, .none) { $0.didRead(in: 1, .failure(Self.lost)) }
            return
        }
        self.check(start, .publishAndHold(Self.set), .holding(1)) { $0.didRead(in: 1, .success(Self.set)) }
        self.check(start, .none) { $0.didRead(in: 2, .success(Self.set)) }
        let forbidden = ZooKeeperError(.noAuth)
        self.check(start, .warnAndPause(attempt: 1, forbidden), .pausing(1, attempt: 1)) {
            $0.didRead(in: 1, .failure(forbidden))
        }
        self.check(start, .pause(attempt: 1, Self.lost), .pausing(1, attempt: 1)) {
            $0.didRead(in: 1, .failure(Self.lost))
        }
    }

    @Test(arguments: Start.allCases) func aWatchFires(_ start: Start) {
        if start == .holding {
            self.check(start, .read, .reading(1)) { $0.watchFired() }
        } else {
            self.check(start, .none) { $0.watchFired() }
        }
    }

    @Test(arguments: Start.allCases) func theTimerFires(_ start: Start) {
        if start == .holding || start == .pausing {
            self.check(start, .read, .reading(1)) { $0.timerFired() }
        } else {
            self.check(start, .none) { $0.timerFired() }
        }
    }

    @Test(arguments: Start.allCases) func theWatcherEnds(_ start: Start) {
        self.check(start, start == .ended ? .none : .finish, .ended) { $0.stop() }
    }

    @Test func onlyNewsArePublishedAlsoAfterAnExpiry() {
        var machine = Self.machine(.holding)
        #expect(machine.watchFired() == .read)
        #expect(machine.didRead(in: 1, .success(Self.set)) == .hold)
        _ = machine.expired()
        #expect(machine.connected(2) == .read)
        #expect(machine.didRead(in: 2, .success(Self.set)) == .hold)
        #expect(machine.timerFired() == .read)
        let missing = AddressSet(names: nil)
        #expect(machine.didRead(in: 2, .success(missing)) == .publishAndHold(missing))
        #expect(machine.watchFired() == .read)
        let empty = AddressSet(names: [])
        #expect(machine.didRead(in: 2, .success(empty)) == .publishAndHold(empty))
    }
}
