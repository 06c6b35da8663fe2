//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing
import ZEOProtocol
import ZODBFormat
import ZODBStorage

@testable import ZKZEOAsync

/// Records an issue where a function returns nothing.
private func fail(_ text: String, sourceLocation: SourceLocation = #_sourceLocation) {
    Issue.record("\(text)", sourceLocation: sourceLocation)
}

@Suite struct ZEOConnectionStateMachineTests {
    typealias Machine = ZEOConnectionStateMachine<String>

    enum Stage: CaseIterable {
        case awaitingGreeting, registering, standby, active, closed

        var machine: Machine {
            var machine = Machine()
            if self == .awaitingGreeting { return machine }
            _ = machine.received(Greeting.version5(.pickle))
            if self == .registering { return machine }
            _ = machine.received(.reply(.number(1), .tid(TransactionID(rawValue: 5))))
            if self == .active { _ = machine.activate() }
            if self == .closed { _ = machine.closed() }
            return machine
        }

        var isOpen: Bool { self == .standby || self == .active }
    }

    private let oid = ObjectID(rawValue: 1)
    private let invalidation = ServerMessage.call(
        .invalidateTransaction(TransactionID(rawValue: 9), [ObjectID(rawValue: 1)])
    )

    // MARK: The beginning

    @Test(arguments: [WireFormat.pickle, .messagePack])
    func theGreetingIsAnsweredInItsFormat(_ format: WireFormat) {
        var machine = Machine()
        #expect(machine.awaitsGreeting)
        guard case .register(format, id: 1) = machine.received(Greeting.version5(format)) else {
            Issue.record("does not register")
            return
        }
        #expect(!machine.awaitsGreeting)
        #expect(!machine.canSend)
    }

    @Test func aMonitorsGreetingIsRefusedAndNothingIsHeardAfterTheEnd() {
        var machine = Machine()
        guard case .close = machine.received(Greeting.areYouOkay) else { return fail("does not close") }
        _ = machine.closed()
        guard case .none = machine.received(Greeting.version5(.pickle)) else { return fail("goes on") }
    }

    @Test func theAnswerToTheRegistrationIsTheLastTransactionOrNothingOrARefusal() {
        var machine = Stage.registering.machine
        guard
            case .registered(TransactionID(rawValue: 5)) = machine.received(
                .reply(.number(1), .tid(TransactionID(rawValue: 5)))
            )
        else { return fail("is not registered") }
        #expect(machine.canSend)

        machine = Stage.registering.machine
        guard case .registered(nil) = machine.received(.reply(.number(1), .none)) else {
            return fail("is not registered without a transaction")
        }
        machine = Stage.registering.machine
        guard case .refused(.readOnlyError) = machine.received(.reply(.number(1), .exception(.readOnlyError))) else {
            return fail("is not refused")
        }
        machine = Stage.registering.machine
        guard case .close = machine.received(.reply(.number(1), .value(.string("?")))) else {
            return fail("takes nonsense")
        }
    }

    @Test(arguments: [
        ServerMessage.reply(.number(2), .none), .reply(.number(2), .exception(.readOnlyError)),
        .call(.invalidateTransaction(.zero, [])), .call(.other(method: "x", arguments: [])),
    ])
    func nothingElseComesBeforeTheAnswerToTheRegistration(_ message: ServerMessage) {
        var machine = Stage.registering.machine
        guard case .close = machine.received(message) else { return fail("takes \(message)") }
    }

    @Test func factsMayComeAtAnyTimeAfterTheGreeting() {
        for stage in [Stage.registering, .standby, .active] {
            var machine = stage.machine
            guard case .info(let items) = machine.received(.call(.info(length: 1, size: 2))) else {
                return fail("takes no facts in \(stage)")
            }
            #expect(items.count == 2)
        }
    }

    // MARK: Calls

    @Test(arguments: [Stage.standby, .active, .closed])
    func callsAreSentWithIdsOfTheirOwn(_ stage: Stage) {
        var machine = stage.machine
        for id in 2...3 {
            switch machine.call(.plain, "waiter") {
            case .send(id): #expect(stage.isOpen)
            case .fail("waiter"): #expect(stage == .closed)
            default: Issue.record("neither sends nor fails")
            }
        }
    }

    @Test func equalLoadsShareOneCallUntilItIsAnswered() {
        var machine = Stage.active.machine
        let load = Machine.Purpose.load(self.oid, before: .max)
        guard case .send(2) = machine.call(load, "a"), case .join = machine.call(load, "b"),
            case .send(3) = machine.call(.load(self.oid, before: .zero), "c")
        else { return fail("does not share") }
        guard case .answer(["a", "b"], load, .none, changed: nil) = machine.received(.reply(.number(2), .none)) else {
            return fail("does not answer both")
        }
        guard case .send(4) = machine.call(load, "d") else { return fail("shares an answered call") }
    }

    @Test(arguments: [Stage.standby, .active])
    func anAnswerToACallThatWasNotMadeIsAFault(_ stage: Stage) {
        for id in [MessageID.number(1), .number(7), .number(-1), .load(self.oid, .zero), .other(.none)] {
            var machine = stage.machine
            guard case .close = machine.received(.reply(id, .none)) else { return fail("takes \(id)") }
        }
        var machine = stage.machine
        _ = machine.call(.plain, "a")
        _ = machine.received(.reply(.number(2), .none))
        guard case .close = machine.received(.reply(.number(2), .none)) else { return fail("takes it twice") }
    }

    @Test func theAnswerToACallThatWasGivenUpIsIgnored() {
        var machine = Stage.active.machine
        _ = machine.call(.plain, "a")
        machine.abandon { $0 == "a" }
        guard case .none = machine.received(.reply(.number(2), .none)) else { return fail("does not ignore it") }
        guard case .close = machine.received(.reply(.number(2), .none)) else { return fail("takes it twice") }
        _ = machine.call(.plain, "b")
        machine.abandon { $0 == "b" }
        #expect(machine.closed().waiters == [])
    }

    @Test(arguments: [Stage.standby, .active])
    func callsOfTheServerThatNobodyAskedForAreFaults(_ stage: Stage) {
        let calls: [ClientCall] = [.receiveBlobStart(self.oid, .zero), .other(method: "system", arguments: [])]
        for call in calls {
            var machine = stage.machine
            guard case .close = machine.received(.call(call)) else { return fail("takes \(call)") }
        }
    }

    // MARK: Invalidations

    @Test func invalidationsWaitUntilTheCacheHasBeenVerified() {
        var machine = Stage.standby.machine
        guard case .none = machine.received(self.invalidation) else { return fail("does not wait") }
        guard case .none = machine.received(self.invalidation) else { return fail("does not wait") }
        let transaction = CommittedTransaction(tid: TransactionID(rawValue: 9), oids: [self.oid])
        #expect(machine.activate() == [transaction, transaction])
        guard case .invalidate(transaction) = machine.received(self.invalidation) else {
            return fail("waits for ever")
        }
        #expect(machine.activate() == nil)
    }

    @Test func nothingIsActivatedTooEarlyOrTooLate() {
        for stage in [Stage.awaitingGreeting, .registering, .active, .closed] {
            var machine = stage.machine
            #expect(machine.activate() == nil)
        }
    }

    // MARK: Signs of life and the end

    @Test(arguments: Stage.allCases)
    func aServerThatOwesASignOfLifeIsGivenUp(_ stage: Stage) {
        var machine = stage.machine
        switch machine.heartbeatIsDue() {
        case .send(2): #expect(stage.isOpen)
        case .none: #expect(!stage.isOpen)
        default: Issue.record("does something else")
        }
        guard stage.isOpen else { return }
        guard case .answer([], .heartbeat, .none, changed: nil) = machine.received(.reply(.number(2), .none)) else {
            return fail("does not take the answer")
        }
        guard case .send(3) = machine.heartbeatIsDue(), case .close = machine.heartbeatIsDue() else {
            return fail("does not give up")
        }
    }

    @Test(arguments: Stage.allCases)
    func theEndIsToldToEveryoneWhoWaitsOnce(_ stage: Stage) {
        var machine = stage.machine
        if stage.isOpen {
            _ = machine.call(.plain, "a")
            _ = machine.call(.load(self.oid, before: .max), "b")
            _ = machine.call(.load(self.oid, before: .max), "c")
        }
        let end = machine.closed()
        #expect(end.waiters == (stage.isOpen ? ["a", "b", "c"] : []))
        #expect(!end.heartbeatMayBeUnknown)
        #expect(machine.closed().waiters == [])
        #expect(!machine.canSend)
        guard case .none = machine.received(self.invalidation) else { return fail("goes on") }
    }

    @Test func onlyTheFirstUnansweredHeartbeatMayBeUnknownToTheServer() {
        var machine = Stage.active.machine
        _ = machine.heartbeatIsDue()
        #expect(machine.closed().heartbeatMayBeUnknown)
        machine = Stage.active.machine
        _ = machine.heartbeatIsDue()
        _ = machine.received(.reply(.number(2), .none))
        _ = machine.heartbeatIsDue()
        #expect(!machine.closed().heartbeatMayBeUnknown)
    }
}

@Suite struct CacheVerificationTests {
    private let old = TransactionID(rawValue: 5)
    private let new = TransactionID(rawValue: 9)

    @Test func whatHasToBeAskedDependsOnBothSides() throws {
        #expect(try CacheVerification.question(client: nil, server: self.new) == .nothing(.upToDate(self.new)))
        #expect(try CacheVerification.question(client: self.new, server: self.new) == .nothing(.upToDate(self.new)))
        #expect(try CacheVerification.question(client: self.old, server: self.new) == .invalidations(after: self.old))
        let error = #expect(throws: StorageError.self) {
            try CacheVerification.question(client: self.new, server: self.old)
        }
        #expect(error?.code == .corrupted)
    }
}
