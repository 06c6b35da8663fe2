//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import ZKZEOAsync

/// Every state with every event. `closed` of the handle and the outcomes of opening are programming errors where there is
/// no handle, or none being made; those cells are preconditions and have no row.
@Suite struct SessionStateMachineTests {
    typealias Machine = SessionStateMachine

    /// How each state is reached.
    enum Start: CaseIterable {
        case idle, opening, connecting, connected, suspended, replacing, closing, closed
    }

    private static func machine(_ start: Start) throws -> Machine {
        var machine = Machine()
        guard start != .idle else { return machine }
        _ = try machine.runCalled()
        if start == .opening { return machine }
        _ = machine.opened()
        if start == .connecting { return machine }
        _ = machine.connectionChanged(.connected(sessionID: 1))
        switch start {
        case .suspended: _ = machine.connectionChanged(.connecting)
        case .replacing: _ = machine.connectionChanged(.expired)
        case .closing: _ = machine.stopRequested()
        case .closed:
            _ = machine.stopRequested()
            _ = machine.handleClosed()
        case .idle, .opening, .connecting, .connected: break
        }
        return machine
    }

    private static let states: [Start: Machine.State] = [
        .idle: .idle, .opening: .opening(attempt: 0), .connecting: .connecting, .connected: .connected(sessionID: 1),
        .suspended: .suspended(sessionID: 1), .replacing: .replacing, .closing: .closing(nil), .closed: .closed,
    ]

    @Test(arguments: Start.allCases) func isReached(_ start: Start) throws {
        #expect(try Self.machine(start).state == Self.states[start])
    }

    @Test(arguments: Start.allCases) func runIsCalled(_ start: Start) throws {
        var machine = try Self.machine(start)
        switch start {
        case .idle:
            #expect(try machine.runCalled() == [.open(attempt: 0)])
            #expect(machine.state == .opening(attempt: 0))
        case .closed:
            #expect(throws: ZooKeeperError(.sessionClosed)) { try machine.runCalled() }
        case .opening, .connecting, .connected, .suspended, .replacing, .closing:
            #expect(throws: ZooKeeperError(.alreadyRunning)) { try machine.runCalled() }
            #expect(machine.state == Self.states[start])
        }
    }

    @Test(arguments: Start.allCases) func aStopIsRequested(_ start: Start) throws {
        var machine = try Self.machine(start)
        let actions = machine.stopRequested()
        switch start {
        case .idle:
            #expect(actions == [.publish(.closed)])
            #expect(machine.state == .closed)
        case .opening, .replacing:
            #expect(actions == [])
            #expect(machine.state == .closing(nil))
        case .connecting, .connected, .suspended:
            #expect(actions == [.closeHandle])
            #expect(machine.state == .closing(nil))
        case .closing, .closed:
            #expect(actions == [])
            #expect(machine.state == Self.states[start])
        }
    }

    @Test(arguments: Start.allCases) func theHandleConnects(_ start: Start) throws {
        var machine = try Self.machine(start)
        let actions = machine.connectionChanged(.connected(sessionID: 1))
        switch start {
        case .connecting, .suspended:
            #expect(actions == [.publish(.connected(sessionID: 1))])
            #expect(machine.connectedSessionID == 1)
        case .idle, .opening, .connected, .replacing, .closing, .closed:
            #expect(actions == [])
            #expect(machine.state == Self.states[start])
        }
    }

    @Test(arguments: Start.allCases) func theHandleConnectsInAnotherSession(_ start: Start) throws {
        var machine = try Self.machine(start)
        let actions = machine.connectionChanged(.connected(sessionID: 2))
        switch start {
        case .connecting:
            #expect(actions == [.publish(.connected(sessionID: 2))])
        case .connected, .suspended:
            #expect(actions == [.publish(.expired), .closeHandle])
            #expect(machine.state == .replacing)
        case .idle, .opening, .replacing, .closing, .closed:
            #expect(actions == [])
            #expect(machine.state == Self.states[start])
        }
    }

    @Test(arguments: Start.allCases) func theConnectionBreaks(_ start: Start) throws {
        var machine = try Self.machine(start)
        let actions = machine.connectionChanged(.connecting)
        if start == .connected {
            #expect(actions == [.publish(.suspended)])
            #expect(machine.state == .suspended(sessionID: 1))
        } else {
            #expect(actions == [])
            #expect(machine.state == Self.states[start])
        }
    }

    @Test(arguments: Start.allCases) func theSessionExpires(_ start: Start) throws {
        var machine = try Self.machine(start)
        let actions = machine.connectionChanged(.expired)
        switch start {
        case .connecting, .connected, .suspended:
            #expect(actions == [.publish(.expired), .closeHandle])
            #expect(machine.state == .replacing)
        case .idle, .opening, .replacing, .closing, .closed:
            #expect(actions == [])
            #expect(machine.state == Self.states[start])
        }
    }

    @Test(arguments: Start.allCases) func aCredentialIsRefused(_ start: Start) throws {
        var machine = try Self.machine(start)
        let actions = machine.connectionChanged(.authFailed)
        switch start {
        case .connecting, .connected, .suspended:
            #expect(actions == [.closeHandle])
            let error = ZooKeeperError(.authFailed)
            #expect(machine.state == .closing(error))
            #expect(machine.handleClosed() == [.sweep(.sessionClosed), .publish(.closed), .finish(error)])
        case .idle, .opening, .replacing, .closing, .closed:
            #expect(actions == [])
            #expect(machine.state == Self.states[start])
        }
    }

    @Test func aHandleIsMade() throws {
        var machine = try Self.machine(.opening)
        #expect(machine.opened() == [])
        #expect(machine.state == .connecting)
        var stopped = try Self.machine(.opening)
        _ = stopped.stopRequested()
        #expect(stopped.opened() == [.closeHandle])
    }

    @Test func noHandleCanBeMade() throws {
        var machine = try Self.machine(.opening)
        #expect(machine.openFailed() == [.open(attempt: 1)])
        #expect(machine.openFailed() == [.open(attempt: 2)])
        _ = machine.stopRequested()
        #expect(machine.openFailed() == [.publish(.closed), .finish(nil)])
        #expect(machine.state == .closed)
    }

    @Test func theHandleIsClosed() throws {
        var replaced = try Self.machine(.replacing)
        #expect(replaced.handleClosed() == [.sweep(.sessionExpired), .open(attempt: 0)])
        #expect(replaced.state == .opening(attempt: 0))
        var closing = try Self.machine(.closing)
        #expect(closing.handleClosed() == [.sweep(.sessionClosed), .publish(.closed), .finish(nil)])
        #expect(closing.state == .closed)
    }

    @Test func saysWhyARequestCannotBeSent() throws {
        let refusals: [Start: ZooKeeperError.Code] = [
            .idle: .notRunning, .opening: .connectionLoss, .replacing: .sessionExpired, .closing: .sessionClosed,
            .closed: .sessionClosed,
        ]
        for start in Start.allCases { #expect(try Self.machine(start).refusal == refusals[start]) }
    }
}
