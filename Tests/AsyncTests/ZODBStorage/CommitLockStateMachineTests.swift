//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import ZODBStorage

@Suite struct CommitLockStateMachineTests {
    private typealias Machine = CommitLockStateMachine<String>

    private func vote(_ number: UInt64) -> VoteID { VoteID(rawValue: number) }

    @Test func firstVoteEntersAtOnce() {
        var machine = Machine()
        #expect(machine.arrived(self.vote(1), "a") == .enter("a"))
        #expect(machine.waitingCount == 0)
    }

    @Test func votesEnterInTheOrderOfTheirArrival() {
        var machine = Machine()
        _ = machine.arrived(self.vote(1), "a")
        #expect(machine.arrived(self.vote(2), "b") == .none)
        #expect(machine.arrived(self.vote(3), "c") == .none)
        #expect(machine.waitingCount == 2)
        #expect(machine.left(self.vote(1)) == .enter("b"))
        #expect(machine.left(self.vote(2)) == .enter("c"))
        #expect(machine.left(self.vote(3)) == .none)
        #expect(machine.arrived(self.vote(4), "d") == .enter("d"))
    }

    @Test func onlyTheHolderCanLeave() {
        var machine = Machine()
        _ = machine.arrived(self.vote(1), "a")
        _ = machine.arrived(self.vote(2), "b")
        #expect(machine.left(self.vote(2)) == .none)
        #expect(machine.left(self.vote(7)) == .none)
        #expect(machine.left(self.vote(1)) == .enter("b"))
        #expect(machine.left(self.vote(1)) == .none, "leaving twice wakes nobody")
    }

    @Test func cancelledWaiterLeavesTheQueueAndNobodyElseDoes() {
        var machine = Machine()
        _ = machine.arrived(self.vote(1), "a")
        _ = machine.arrived(self.vote(2), "b")
        _ = machine.arrived(self.vote(3), "c")
        #expect(machine.cancelled(self.vote(2)) == "b")
        #expect(machine.cancelled(self.vote(2)) == nil, "a waiter is handed out once")
        #expect(machine.cancelled(self.vote(1)) == nil, "the holder does not wait")
        #expect(machine.left(self.vote(1)) == .enter("c"))
    }

    @Test func closingFailsAllWhoWaitAndAllWhoComeAndWaitsForTheHolder() {
        var machine = Machine()
        _ = machine.arrived(self.vote(1), "a")
        _ = machine.arrived(self.vote(2), "b")
        _ = machine.arrived(self.vote(3), "c")
        #expect(machine.closed("closer") == .init(refused: ["b", "c"], finished: []))
        #expect(machine.closed("another") == .init(refused: [], finished: []))
        #expect(machine.arrived(self.vote(4), "d") == .refuse("d"))
        #expect(machine.left(self.vote(1)) == .finishClosing(["closer", "another"]))
        #expect(machine.closed("late") == .init(refused: [], finished: ["late"]))
        #expect(machine.arrived(self.vote(5), "e") == .refuse("e"))
    }

    // MARK: Places that are kept

    @Test func whoLeavesWithConflictsIsBeforeAllOthersTheNextTime() {
        var machine = Machine()
        _ = machine.arrived(self.vote(1), from: 7, "a")
        _ = machine.arrived(self.vote(2), from: 8, "b")
        #expect(machine.left(self.vote(1), keepingPlaceFor: 7) == .none)
        #expect(machine.arrived(self.vote(3), from: 9, "c") == .none)
        #expect(machine.waitingCount == 2)
        #expect(machine.arrived(self.vote(4), from: 7, "a again") == .enter("a again"))
        #expect(machine.left(self.vote(4)) == .enter("b"))
        #expect(machine.left(self.vote(2)) == .enter("c"))
    }

    @Test func aPlaceIsKeptOnceOnly() {
        var machine = Machine()
        _ = machine.arrived(self.vote(1), from: 7, "a")
        _ = machine.arrived(self.vote(2), from: 8, "b")
        _ = machine.left(self.vote(1), keepingPlaceFor: 7)
        #expect(machine.arrived(self.vote(3), from: 7, "a") == .enter("a"))
        #expect(machine.left(self.vote(3), keepingPlaceFor: 7) == .enter("b"), "its serials are stale again")
        // It has to wait as everybody, and then has another try.
        #expect(machine.arrived(self.vote(4), from: 7, "a") == .none)
        #expect(machine.left(self.vote(2)) == .enter("a"))
        #expect(machine.left(self.vote(4), keepingPlaceFor: 7) == .none)
        #expect(machine.arrived(self.vote(5), from: 8, "b") == .none)
        #expect(machine.arrived(self.vote(6), from: 7, "a") == .enter("a"))
    }

    @Test func whoNeverVotesAgainLosesThePlace() {
        var machine = Machine()
        _ = machine.arrived(self.vote(1), from: 7, "a")
        _ = machine.left(self.vote(1), keepingPlaceFor: 7)
        #expect(machine.arrived(self.vote(2), from: 8, "b") == .none)
        #expect(machine.yielded(8) == .none, "it is not kept for that one")
        #expect(machine.yielded(7) == .enter("b"))
        #expect(machine.yielded(7) == .none, "it is kept no longer")
        #expect(machine.left(self.vote(2)) == .none)
        #expect(machine.arrived(self.vote(3), from: 9, "c") == .enter("c"))
    }

    @Test func aPlaceThatNobodyWaitsForIsFreeWhenItIsYielded() {
        var machine = Machine()
        _ = machine.arrived(self.vote(1), from: 7, "a")
        _ = machine.left(self.vote(1), keepingPlaceFor: 7)
        #expect(machine.left(self.vote(1)) == .none, "it has left")
        #expect(machine.yielded(7) == .none)
        #expect(machine.arrived(self.vote(2), from: 8, "b") == .enter("b"))
    }

    @Test func nothingIsKeptForNobodyNorForWhoDoesNotHoldIt() {
        var machine = Machine()
        _ = machine.arrived(self.vote(1), "a")
        _ = machine.arrived(self.vote(2), from: 8, "b")
        #expect(machine.left(self.vote(2), keepingPlaceFor: 8) == .none)
        #expect(machine.left(self.vote(1), keepingPlaceFor: 0) == .enter("b"))
        #expect(machine.yielded(0) == .none)
        #expect(machine.left(self.vote(2)) == .none)
    }

    @Test func waitersMayLeaveTheQueueWhileThePlaceIsKept() {
        var machine = Machine()
        _ = machine.arrived(self.vote(1), from: 7, "a")
        _ = machine.arrived(self.vote(2), from: 8, "b")
        _ = machine.left(self.vote(1), keepingPlaceFor: 7)
        #expect(machine.cancelled(self.vote(2)) == "b")
        #expect(machine.yielded(7) == .none)
        #expect(machine.arrived(self.vote(3), from: 9, "c") == .enter("c"))
    }

    @Test func closingWaitsForNoOneWhoResolves() {
        var machine = Machine()
        _ = machine.arrived(self.vote(1), from: 7, "a")
        _ = machine.arrived(self.vote(2), from: 8, "b")
        _ = machine.left(self.vote(1), keepingPlaceFor: 7)
        #expect(machine.closed("closer") == .init(refused: ["b"], finished: ["closer"]))
        #expect(machine.arrived(self.vote(3), from: 7, "a") == .refuse("a"))
        #expect(machine.yielded(7) == .none)
        // And a holder who leaves with conflicts while others close the storage keeps nothing.
        machine = Machine()
        _ = machine.arrived(self.vote(1), from: 7, "a")
        _ = machine.closed("closer")
        #expect(machine.left(self.vote(1), keepingPlaceFor: 7) == .finishClosing(["closer"]))
    }
}

extension CommitLockStateMachine<String>.CloseAction: Equatable {
    static func == (lhs: Self, rhs: Self) -> Bool {
        lhs.refused == rhs.refused && lhs.finished == rhs.finished
    }
}

extension CommitLockStateMachine<String>.ArrivalAction: Equatable {
    static func == (lhs: Self, rhs: Self) -> Bool {
        switch (lhs, rhs) {
        case (.enter(let left), .enter(let right)), (.refuse(let left), .refuse(let right)): left == right
        case (.none, .none): true
        default: false
        }
    }
}

extension CommitLockStateMachine<String>.DepartureAction: Equatable {
    static func == (lhs: Self, rhs: Self) -> Bool {
        switch (lhs, rhs) {
        case (.enter(let left), .enter(let right)): left == right
        case (.finishClosing(let left), .finishClosing(let right)): left == right
        case (.none, .none): true
        default: false
        }
    }
}
