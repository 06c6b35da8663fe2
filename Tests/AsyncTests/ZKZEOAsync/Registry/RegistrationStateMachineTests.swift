//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import ZKZEOAsync

/// Every state with every event.
@Suite struct RegistrationStateMachineTests {
    typealias Machine = RegistrationStateMachine

    enum Start: CaseIterable {
        case waiting, creating, examining, takingOver, blocked, pausing, pausingToCreate, registered, removing, ended
    }

    private static let lost = ZooKeeperError(.connectionLoss)
    private static let exists = ZooKeeperError(.nodeExists)

    private static func machine(_ start: Start, failsOnMissingPath: Bool = true) -> Machine {
        var machine = Machine(failsOnMissingPath: failsOnMissingPath)
        if start == .waiting { return machine }
        _ = machine.connected(1)
        switch start {
        case .waiting, .creating: break
        case .examining: _ = machine.created(in: 1, Self.exists)
        case .takingOver:
            _ = machine.created(in: 1, Self.exists)
            _ = machine.examined(in: 1, .success(.present(owner: 9, version: 3, pid: 5, evidence: .sameInstance)))
        case .blocked:
            _ = machine.created(in: 1, Self.exists)
            _ = machine.examined(in: 1, .success(.present(owner: 9, version: 3, pid: 5, evidence: nil)))
        case .pausing: _ = machine.created(in: 1, Self.lost)
        case .pausingToCreate: _ = machine.created(in: 1, ZooKeeperError(.noAuth))
        case .registered: _ = machine.created(in: 1, nil)
        case .removing: _ = machine.stop()
        case .ended:
            _ = machine.stop()
            _ = machine.removed()
        }
        return machine
    }

    private static let states: [Start: Machine.State] = [
        .waiting: .waiting, .creating: .creating(1), .examining: .examining(1), .takingOver: .takingOver(1),
        .blocked: .blocked(1, attempt: 1), .pausing: .pausing(1, attempt: 1, .examine),
        .pausingToCreate: .pausing(1, attempt: 1, .create), .registered: .registered(1), .removing: .removing,
        .ended: .ended,
    ]

    /// Expects the action and the state that an event leads to; without a state, that nothing changes.
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
        if start == .waiting {
            self.check(start, .create, .creating(1)) { $0.connected(1) }
        } else {
            self.check(start, .none) { $0.connected(1) }
        }
    }

    @Test(arguments: Start.allCases) func aConnectionInAnotherSession(_ start: Start) {
        if start == .removing || start == .ended {
            self.check(start, .none) { $0.connected(2) }
        } else {
            self.check(start, .create, .creating(2)) { $0.connected(2) }
        }
    }

    @Test(arguments: Start.allCases) func aBrokenConnectionChangesNothing(_ start: Start) {
        self.check(start, .none) { $0.suspended() }
    }

    @Test(arguments: Start.allCases) func theSessionExpires(_ start: Start) {
        if start == .removing || start == .ended {
            self.check(start, .none) { $0.expired() }
        } else {
            self.check(start, .none, .waiting) { $0.expired() }
        }
    }

    @Test(arguments: Start.allCases) func theSessionEndsForGood(_ start: Start) {
        switch start {
        case .removing: self.check(start, .finish, .ended) { $0.sessionClosed() }
        case .ended: self.check(start, .none) { $0.sessionClosed() }
        default: self.check(start, .fail(ZooKeeperError(.sessionClosed)), .ended) { $0.sessionClosed() }
        }
    }

    @Test(arguments: Start.allCases) func aCreateEnds(_ start: Start) {
        guard start == .creating else {
            self.check(start, .none) { $0.created(in: 1, nil) }
            self.check(start, .none) { $0.created(in: 1, Self.exists) }
            self.check(start, .none) { $0.created(in: 1, Self.lost) }
            return
        }
        self.check(start, .hold, .registered(1)) { $0.created(in: 1, nil) }
        self.check(start, .none) { $0.created(in: 2, nil) }
        self.check(start, .examine, .examining(1)) { $0.created(in: 1, Self.exists) }
        for code in [ZooKeeperError.Code.connectionLoss, .operationTimeout, .sessionExpired] {
            let error = ZooKeeperError(code)
            self.check(start, .pause(attempt: 1, error), .pausing(1, attempt: 1, .examine)) { $0.created(in: 1, error) }
        }
        let throttled = ZooKeeperError(.throttled)
        self.check(start, .pause(attempt: 1, throttled), .pausing(1, attempt: 1, .create)) {
            $0.created(in: 1, throttled)
        }
        for code in [ZooKeeperError.Code.noAuth, .invalidACL, .noChildrenForEphemerals] {
            let error = ZooKeeperError(code)
            self.check(start, .warnAndPause(attempt: 1, error), .pausing(1, attempt: 1, .create)) {
                $0.created(in: 1, error)
            }
        }
        for code in [ZooKeeperError.Code.noNode, .linkLoop] {
            let error = ZooKeeperError(code)
            self.check(start, .fail(error), .ended) { $0.created(in: 1, error) }
        }
    }

    @Test func aMissingPathIsSaidOnceWhereItIsToBeWaitedFor() {
        let error = ZooKeeperError(.noNode)
        var machine = Self.machine(.creating, failsOnMissingPath: false)
        #expect(machine.created(in: 1, error) == .warnAndPause(attempt: 1, error))
        #expect(machine.timerFired() == .create)
        #expect(machine.created(in: 1, error) == .pause(attempt: 2, error))
        #expect(machine.timerFired() == .create)
        #expect(machine.created(in: 1, nil) == .hold)
        #expect(machine.connected(2) == .create)
        #expect(machine.created(in: 2, error) == .warnAndPause(attempt: 1, error))
    }

    @Test func aPathThatGoesMissingLaterEndsNothing() {
        let error = ZooKeeperError(.noNode)
        var machine = Self.machine(.registered, failsOnMissingPath: true)
        #expect(machine.watchFired() == .examine)
        #expect(machine.examined(in: 1, .success(.absent)) == .create)
        #expect(machine.created(in: 1, error) == .warnAndPause(attempt: 1, error))
        #expect(machine.timerFired() == .create)
        #expect(machine.created(in: 1, nil) == .hold)
    }

    @Test func eachErrorThatPeopleMayMendIsSaidOnce() {
        let forbidden = ZooKeeperError(.noAuth)
        var machine = Self.machine(.takingOver)
        #expect(machine.tookOver(in: 1, forbidden) == .warnAndPause(attempt: 1, forbidden))
        #expect(machine.timerFired() == .examine)
        #expect(machine.examined(in: 1, .failure(forbidden)) == .pause(attempt: 2, forbidden))
        #expect(machine.timerFired() == .examine)
        let other = ZooKeeperError(.badArguments)
        #expect(machine.examined(in: 1, .failure(other)) == .warnAndPause(attempt: 3, other))
    }

    @Test(arguments: Start.allCases) func anExaminationEnds(_ start: Start) {
        let findings: [Machine.Finding] = [
            .absent, .present(owner: 1, version: 0, pid: nil, evidence: nil),
            .present(owner: 9, version: 3, pid: 5, evidence: nil),
        ]
        guard start == .examining else {
            for finding in findings { self.check(start, .none) { $0.examined(in: 1, .success(finding)) } }
            self.check(start, .none) { $0.examined(in: 1, .failure(Self.lost)) }
            return
        }
        self.check(start, .create, .creating(1)) { $0.examined(in: 1, .success(findings[0])) }
        self.check(start, .none) { $0.examined(in: 2, .success(findings[0])) }
        self.check(start, .hold, .registered(1)) { $0.examined(in: 1, .success(findings[1])) }
        self.check(start, .warnAndWait(owner: 9, pid: 5, attempt: 1), .blocked(1, attempt: 1)) {
            $0.examined(in: 1, .success(findings[2]))
        }
        for evidence in [StaleEvidence.socketIsOurs, .sameInstance, .deadProcess] {
            self.check(start, .takeOver(version: 3), .takingOver(1)) {
                $0.examined(in: 1, .success(.present(owner: 9, version: 3, pid: 5, evidence: evidence)))
            }
            // Not ephemeral: nobody's leftover.
            self.check(start, .warnAndWait(owner: 0, pid: 5, attempt: 1), .blocked(1, attempt: 1)) {
                $0.examined(in: 1, .success(.present(owner: 0, version: 3, pid: 5, evidence: evidence)))
            }
        }
        self.check(start, .pause(attempt: 1, Self.lost), .pausing(1, attempt: 1, .examine)) {
            $0.examined(in: 1, .failure(Self.lost))
        }
    }

    @Test func somebodyElsesNodeIsSaidOnceForEachOwner() {
        var machine = Self.machine(.blocked)
        #expect(machine.timerFired() == .examine)
        let same = Machine.Finding.present(owner: 9, version: 4, pid: 5, evidence: nil)
        #expect(machine.examined(in: 1, .success(same)) == .wait(attempt: 2))
        #expect(machine.watchFired() == .examine)
        let other = Machine.Finding.present(owner: 10, version: 0, pid: 6, evidence: nil)
        #expect(machine.examined(in: 1, .success(other)) == .warnAndWait(owner: 10, pid: 6, attempt: 3))
    }

    @Test func whoHadTheNodeOnceIsNoPredecessorsHeirByItsSocketAlone() {
        var machine = Self.machine(.registered)
        #expect(machine.watchFired() == .examine)
        let later = Machine.Finding.present(owner: 9, version: 0, pid: 5, evidence: .socketIsOurs)
        #expect(machine.examined(in: 1, .success(later)) == .warnAndWait(owner: 9, pid: 5, attempt: 1))
        #expect(machine.watchFired() == .examine)
        let dead = Machine.Finding.present(owner: 9, version: 0, pid: 5, evidence: .deadProcess)
        #expect(machine.examined(in: 1, .success(dead)) == .takeOver(version: 0))
    }

    @Test func aNodeOfAnEarlierSessionOfOursIsOurs() {
        var machine = Self.machine(.registered)
        #expect(machine.connected(2) == .create)
        #expect(machine.created(in: 2, Self.exists) == .examine)
        let leftover = Machine.Finding.present(owner: 1, version: 7, pid: nil, evidence: nil)
        #expect(machine.examined(in: 2, .success(leftover)) == .takeOver(version: 7))
    }

    @Test(arguments: Start.allCases) func aTakeOverEnds(_ start: Start) {
        guard start == .takingOver else {
            self.check(start, .none) { $0.tookOver(in: 1, nil) }
            self.check(start, .none) { $0.tookOver(in: 1, Self.lost) }
            return
        }
        self.check(start, .hold, .registered(1)) { $0.tookOver(in: 1, nil) }
        self.check(start, .none) { $0.tookOver(in: 2, nil) }
        for code in [ZooKeeperError.Code.noNode, .badVersion, .nodeExists] {
            self.check(start, .examine, .examining(1)) { $0.tookOver(in: 1, ZooKeeperError(code)) }
        }
        self.check(start, .pause(attempt: 1, Self.lost), .pausing(1, attempt: 1, .examine)) {
            $0.tookOver(in: 1, Self.lost)
        }
    }

    @Test(arguments: Start.allCases) func theWatchFires(_ start: Start) {
        if start == .registered || start == .blocked {
            self.check(start, .examine, .examining(1)) { $0.watchFired() }
        } else {
            self.check(start, .none) { $0.watchFired() }
        }
    }

    @Test(arguments: Start.allCases) func theTimerFires(_ start: Start) {
        switch start {
        case .registered, .blocked, .pausing: self.check(start, .examine, .examining(1)) { $0.timerFired() }
        case .pausingToCreate: self.check(start, .create, .creating(1)) { $0.timerFired() }
        default: self.check(start, .none) { $0.timerFired() }
        }
    }

    @Test(arguments: Start.allCases) func theLeaseEnds(_ start: Start) {
        switch start {
        case .waiting: self.check(start, .finish, .ended) { $0.stop() }
        case .removing, .ended: self.check(start, .none) { $0.stop() }
        default: self.check(start, .remove(owner: 1), .removing) { $0.stop() }
        }
    }

    @Test(arguments: Start.allCases) func theRemovalEnds(_ start: Start) {
        if start == .removing {
            self.check(start, .finish, .ended) { $0.removed() }
        } else {
            self.check(start, .none) { $0.removed() }
        }
    }

    @Test func afterAnExpiryThereIsNothingToRemove() {
        var machine = Self.machine(.registered)
        _ = machine.expired()
        #expect(machine.stop() == .finish)
    }
}
