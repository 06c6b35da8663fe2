//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Testing
import ZEOProtocol
import ZODBStorage

@testable import ZEOAsyncServer

/// Every state of a transaction against everything that can happen in it.
@Suite struct CommitStateMachineTests {
    enum Stage: CaseIterable { case idle, collecting, voting, prepared, finishing }

    static let token = TransactionToken(1)
    static let other = TransactionToken(2)
    static let vote = VoteID(rawValue: 7)
    static let id = MessageID.number(9)

    static func machine(at stage: Stage) -> CommitStateMachine {
        var machine = CommitStateMachine(isReadOnly: false)
        if stage == .idle { return machine }
        _ = machine.begin(Self.token)
        if stage == .collecting { return machine }
        _ = machine.vote(Self.token)
        if stage == .voting { return machine }
        _ = machine.prepared(Self.vote, attempt: 1)
        if stage == .prepared { return machine }
        _ = machine.finish(Self.token, id: Self.id)
        return machine
    }

    @Test(arguments: Stage.allCases)
    func beginning(stage: Stage) {
        var machine = Self.machine(at: stage)
        var same = machine
        switch stage {
        case .idle: expect(machine.begin(Self.token), .begin)
        case .collecting, .voting, .prepared:
            expect(same.begin(Self.token), .ignoreDuplicate)
            expect(machine.begin(Self.other), .fail(.multipleTransactions))
        case .finishing: expect(machine.begin(Self.other), .postpone)
        }
    }

    @Test(arguments: Stage.allCases)
    func adding(stage: Stage) {
        let machine = Self.machine(at: stage)
        let expected: CommitStateMachine.AddAction =
            switch stage {
            case .idle: .fail(.noTransaction(given: Self.token))
            case .collecting: .add
            case .voting: .fail(.alreadyVoting)
            case .prepared: .fail(.alreadyPrepared)
            case .finishing: .postpone
            }
        #expect(machine.add(Self.token) == expected)
        if [.collecting, .voting, .prepared].contains(stage) {
            #expect(machine.add(Self.other) == .fail(.wrongTransaction(current: Self.token, given: Self.other)))
        }
    }

    @Test(arguments: Stage.allCases)
    func voting(stage: Stage) {
        var machine = Self.machine(at: stage)
        let expected: CommitStateMachine.VoteAction =
            switch stage {
            case .idle: .fail(.noTransaction(given: Self.token))
            case .collecting: .vote(attempt: 1)
            case .voting: .fail(.alreadyVoting)
            case .prepared: .fail(.alreadyPrepared)
            case .finishing: .postpone
            }
        expect(machine.vote(Self.token), expected)
    }

    @Test(arguments: Stage.allCases)
    func finishing(stage: Stage) {
        var machine = Self.machine(at: stage)
        var other = machine
        let expected: CommitStateMachine.FinishAction =
            switch stage {
            case .idle: .answerNone
            case .collecting, .voting: .fail(.notPrepared)
            case .prepared: .finish(Self.vote)
            case .finishing: .postpone
            }
        expect(machine.finish(Self.token, id: Self.id), expected)
        expect(other.finish(Self.other, id: Self.id), (stage == .finishing ? .postpone : .answerNone))
        if stage == .prepared {
            expect(machine.finished(), Self.id)
            expect(machine.finished(), nil)
            #expect(machine.isIdle)
        }
    }

    @Test(arguments: Stage.allCases)
    func aborting(stage: Stage) {
        var machine = Self.machine(at: stage)
        var other = machine
        let expected: CommitStateMachine.AbortAction =
            switch stage {
            case .idle: .answerNone
            case .collecting: .discard
            case .voting: .cancelVote
            case .prepared: .abort(Self.vote)
            case .finishing: .postpone
            }
        expect(machine.abort(Self.token), expected)
        #expect(machine.isIdle == (stage != .finishing))
        expect(other.abort(Self.other), (stage == .finishing ? .postpone : .answerNone))
    }

    @Test(arguments: Stage.allCases)
    func disconnecting(stage: Stage) {
        var machine = Self.machine(at: stage)
        let expected: CommitStateMachine.DisconnectAction =
            switch stage {
            case .idle: .none
            case .collecting: .discard
            case .voting: .cancelVote
            case .prepared: .abort(Self.vote)
            case .finishing: .letFinish
            }
        expect(machine.disconnected(), expected)
        #expect(machine.isFinishing == (stage == .finishing))
    }

    @Test func aVoteThatWasGivenUpEndsWithoutEffect() {
        var machine = Self.machine(at: .voting)
        _ = machine.abort(Self.token)
        _ = machine.begin(Self.token)
        expect(machine.vote(Self.token), .vote(attempt: 2))
        expect(machine.prepared(Self.vote, attempt: 1), false)
        expect(machine.conflicted(attempt: 1), false)
        expect(machine.voteFailed(attempt: 1), false)
        expect(machine.prepared(Self.vote, attempt: 2), true)
        #expect(!machine.timedOut(attempt: 1))
        #expect(machine.timedOut(attempt: 2))
    }

    @Test func aConflictLeadsBackToCollecting() {
        var machine = Self.machine(at: .voting)
        expect(machine.conflicted(attempt: 1), true)
        #expect(machine.add(Self.token) == .add)
        expect(machine.vote(Self.token), .vote(attempt: 2))
        expect(machine.voteFailed(attempt: 2), true)
        #expect(machine.isIdle)
    }

    @Test func whoMayNotWriteFailsInEverything() {
        var machine = CommitStateMachine(isReadOnly: true)
        expect(machine.begin(Self.token), .fail(.readOnly))
        #expect(machine.add(Self.token) == .fail(.readOnly))
        expect(machine.vote(Self.token), .fail(.readOnly))
        expect(machine.finish(Self.token, id: Self.id), .fail(.readOnly))
        expect(machine.abort(Self.token), .fail(.readOnly))
        expect(machine.disconnected(), .none)
    }

    @Test func theLockHasExactlyOneOwner() {
        let kept = VoteTicket()
        #expect(kept.deliver(Self.vote))
        #expect(kept.cancel() == Self.vote)
        let cancelled = VoteTicket()
        #expect(cancelled.cancel() == nil)
        #expect(!cancelled.deliver(Self.vote))
    }
}
