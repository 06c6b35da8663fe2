//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Synchronization
import Testing
import ZODBFormat

@testable import ZODBStorage

@Suite struct AppendQueueStateMachineTests {
    private typealias Machine = AppendQueueStateMachine<String>

    private func transaction(
        _ number: UInt64,
        _ oid: UInt64,
        at position: Int,
        _ completion: String
    ) throws -> Machine.Transaction {
        let store = TransactionDraft.Operation.store(.numbered(oid), serial: .zero, data: ByteBuffer(string: "data"))
        let draft = try CheckedDraft(TransactionDraft(operations: [store]))
        let encoded = EncodedTransaction(draft, tid: TransactionID(rawValue: number), at: position) { _ in 0 }
        return .init(encoded: encoded, origin: 0, completion: completion)
    }

    /// The completions of what is to be written; `nil` when the writer is to sleep.
    private func batch(_ action: Machine.WriterAction) -> [String]? {
        guard case .write(let batch) = action else { return nil }
        return batch.map(\.completion)
    }

    @Test func whatGathersWhileTheWriterIsAtWorkIsOneBatch() throws {
        var machine = Machine(end: 4)
        let first = try self.transaction(1, 7, at: 4, "a")
        guard case .wakeWriter = machine.queued(first) else {
            Issue.record("the writer was not woken")
            return
        }
        #expect(self.batch(machine.writerReady()) == ["a"])
        let second = try self.transaction(2, 7, at: machine.end, "b")
        guard case .none = machine.queued(second) else {
            Issue.record("the writer was woken twice")
            return
        }
        let third = try self.transaction(3, 8, at: machine.end, "c")
        _ = machine.queued(third)
        #expect(machine.queuedCount == 3)
        #expect(machine.queuedRevision(of: .numbered(7))?.tid.rawValue == 2)
        _ = machine.published(first.encoded)
        #expect(machine.queuedRevision(of: .numbered(7))?.tid.rawValue == 2, "a newer revision is still queued")
        #expect(self.batch(machine.writerReady()) == ["b", "c"])
        _ = machine.published(second.encoded)
        _ = machine.published(third.encoded)
        #expect(machine.queuedRevision(of: .numbered(7)) == nil)
        #expect(machine.queuedRevision(of: .numbered(8)) == nil)
        #expect(self.batch(machine.writerReady()) == nil)
        #expect(machine.queuedCount == 0)
        #expect(machine.end == third.encoded.end)
    }

    @Test func failureFailsTheBatchWhatWaitsAndWhatComes() throws {
        var machine = Machine(end: 4)
        _ = machine.queued(try self.transaction(1, 1, at: 4, "a"))
        _ = machine.writerReady()
        _ = machine.queued(try self.transaction(2, 2, at: machine.end, "b"))
        let error = StorageError(.writeFailed, "full")
        #expect(machine.failed(error, isCutOff: true).completions == ["a", "b"])
        #expect(machine.writeFailure?.code == .writeFailed)
        #expect(machine.queuedRevision(of: .numbered(1)) == nil)
        guard case .fail("c", let reason) = machine.queued(try self.transaction(3, 3, at: machine.end, "c")) else {
            Issue.record("writing went on")
            return
        }
        #expect(reason.code == .writeFailed)
        #expect(self.batch(machine.writerReady()) == nil)
    }

    @Test func refusalFailsWhatStandsBehindAndTheNextOneGoesWhereItWouldHaveBeen() throws {
        var machine = Machine(end: 4)
        let first = try self.transaction(1, 7, at: 4, "a")
        _ = machine.queued(first)
        let second = try self.transaction(2, 7, at: machine.end, "b")
        _ = machine.queued(second)
        _ = machine.writerReady()
        _ = machine.queued(try self.transaction(3, 8, at: machine.end, "c"))
        guard case .wait = machine.waitsForPublication(of: TransactionID(rawValue: 1), "waits for a"),
            case .wait = machine.waitsForPublication(of: TransactionID(rawValue: 3), "waits for c")
        else {
            Issue.record("they are queued")
            return
        }
        let stale = try self.transaction(4, 9, at: machine.end, "stale")
        let refusal = machine.refused(behind: 1, StorageError(.writeFailed, "full"))
        #expect(refusal.rest.map(\.completion) == ["a"])
        #expect(refusal.failed.completions == ["b", "c", "waits for c"])
        #expect(machine.writeFailure == nil)
        #expect(machine.end == second.encoded.position)
        #expect(machine.queuedRevision(of: .numbered(7))?.tid.rawValue == 1, "the older revision is the newest again")
        #expect(machine.queuedRevision(of: .numbered(8)) == nil)
        guard case .fail("stale", _) = machine.queued(stale) else {
            Issue.record("it was encoded behind what is not there")
            return
        }
        for tid in [2, 3, 4] as [UInt64] {
            guard case .fail = machine.waitsForPublication(of: TransactionID(rawValue: tid), "late") else {
                Issue.record("\(tid) will never be visible")
                return
            }
        }
        let next = try self.transaction(5, 7, at: machine.end, "d")
        guard case .none = machine.queued(next) else {
            Issue.record("the writer is awake")
            return
        }
        #expect(machine.published(first.encoded) == ["waits for a"])
        #expect(self.batch(machine.writerReady()) == ["d"])
        _ = machine.published(next.encoded)
        #expect(self.batch(machine.writerReady()) == nil)
        machine.moved(toEnd: 100)
        #expect(machine.end == 100)
    }

    @Test func refusedTransactionMayComeAgain() throws {
        var machine = Machine(end: 4)
        for number in 1...4 as ClosedRange<UInt64> {
            _ = machine.queued(try self.transaction(number, number, at: machine.end, "\(number)"))
        }
        #expect(machine.newestQueued?.rawValue == 4)
        _ = machine.writerReady()
        _ = machine.refused(behind: 0, StorageError(.writeFailed, "full"))
        #expect(machine.newestQueued == nil)
        _ = machine.writerReady()
        let again = try self.transaction(2, 2, at: 4, "again")
        _ = machine.queued(again)
        #expect(machine.newestQueued?.rawValue == 2)
        guard case .wait = machine.waitsForPublication(of: TransactionID(rawValue: 2), "waits") else {
            Issue.record("it is queued")
            return
        }
        _ = machine.writerReady()
        #expect(machine.published(again.encoded) == ["waits"])
        guard case .proceed = machine.waitsForPublication(of: TransactionID(rawValue: 2), "late") else {
            Issue.record("it is visible")
            return
        }
        for tid in [1, 3, 4] as [UInt64] {
            guard case .fail = machine.waitsForPublication(of: TransactionID(rawValue: tid), "late") else {
                Issue.record("\(tid) was refused")
                return
            }
        }
    }

    @Test func whatMayBeInTheFileIsNotWithdrawn() throws {
        for isCutOff in [true, false] {
            let withdrawals = Mutex<[String]>([])
            var machine = Machine(end: 4)
            for name in ["under way", "waiting"] {
                var transaction = try self.transaction(name == "waiting" ? 2 : 1, 1, at: machine.end, name)
                transaction.companion = TestCompanion { withdrawals.withLock { $0.append(name) } }
                _ = machine.queued(transaction)
                if name == "under way" { _ = machine.writerReady() }
            }
            let failed = machine.failed(StorageError(.writeFailed, "broken"), isCutOff: isCutOff)
            for companion in failed.companions { companion.withdraw() }
            #expect(withdrawals.withLock { $0 } == (isCutOff ? ["under way", "waiting"] : ["waiting"]))
            #expect(failed.completions == ["under way", "waiting"])
        }
    }

    @Test func whoWaitsForSleepIsTold() throws {
        var machine = Machine(end: 4)
        let isAsleep = machine.waitsForSleep("at once")
        #expect(isAsleep)
        let first = try self.transaction(1, 1, at: 4, "a")
        _ = machine.queued(first)
        let isStillAsleep = machine.waitsForSleep("later")
        #expect(!isStillAsleep)
        _ = machine.writerReady()
        _ = machine.published(first.encoded)
        guard case .sleep(["later"]) = machine.writerReady() else {
            Issue.record("nobody was told")
            return
        }
    }
}
