//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing
import ZEOProtocol
import ZODBFormat
import ZODBStorage

@testable import ZEOAsyncServer

/// The queue of recent transactions, as a value.
@Suite struct InvalidationQueueTests {
    private func tid(_ number: Int) -> TransactionID { TransactionID(rawValue: UInt64(number)) }

    private func transaction(_ number: Int) -> CommittedTransaction {
        CommittedTransaction(tid: self.tid(number), oids: [ObjectID(rawValue: UInt64(number % 3))])
    }

    private func oids(_ numbers: Int...) -> [ObjectID] { numbers.map { ObjectID(rawValue: UInt64($0)) } }

    @Test func changesAreToldEachOnceFromWhereSomebodyStopped() {
        var queue = InvalidationQueue(size: 100, bound: 100, floor: .zero)
        for number in 1...6 { queue.append(self.transaction(number), slowest: nil) }
        #expect(queue.last == self.tid(6))
        #expect(queue.changes(after: .zero, through: .max) == self.oids(1, 2, 0))
        #expect(queue.changes(after: self.tid(4), through: .max) == self.oids(2, 0))
        #expect(queue.changes(after: self.tid(4), through: self.tid(5)) == self.oids(2))
        #expect(queue.changes(after: self.tid(6), through: .max) == [])
        #expect(queue.firstChange(of: ObjectID(rawValue: 0), after: self.tid(3), through: .max) == self.tid(6))
        #expect(queue.firstChange(of: ObjectID(rawValue: 0), after: self.tid(3), through: self.tid(5)) == nil)
        #expect(queue.messages(after: self.tid(3), format: .pickle)?.map(\.transaction.tid.rawValue) == [4, 5, 6])
    }

    @Test func theSameTransactionIsNotTakenTwice() {
        var queue = InvalidationQueue(size: 100, bound: 100, floor: .zero)
        for number in [1, 2, 2, 1, 3] { queue.append(self.transaction(number), slowest: nil) }
        #expect(queue.count == 3)
    }

    @Test func moreThanTheSizeIsForgottenUnlessSomebodyNeedsIt() {
        var queue = InvalidationQueue(size: 2, bound: 4, floor: .zero)
        for number in 1...3 { queue.append(self.transaction(number), slowest: self.tid(0)) }
        #expect(queue.count == 3)
        #expect(queue.floor == .zero)
        queue.append(self.transaction(4), slowest: self.tid(3))
        #expect(queue.count == 2)
        #expect(queue.floor == self.tid(2))
        #expect(queue.changes(after: self.tid(1), through: .max) == nil)
        #expect(queue.messages(after: self.tid(1), format: .pickle) == nil)
        #expect(queue.changes(after: self.tid(2), through: .max) == self.oids(0, 1))
        for number in 5...9 { queue.append(self.transaction(number), slowest: self.tid(2)) }
        #expect(queue.count == 4)
        #expect(queue.floor == self.tid(5))
    }

    @Test func whatTheStorageRemembersComesInFrontOfWhatItTold() {
        var whole = InvalidationQueue(size: 100, bound: 100, floor: .zero)
        whole.append(self.transaction(4), slowest: nil)
        var part = whole
        let recent = [2, 3, 4].map(self.transaction)
        whole.start(after: self.tid(3), recent: recent, isWhole: true)
        #expect(whole.floor == .zero)
        #expect(whole.messages(after: .zero, format: .messagePack)?.map(\.transaction.tid.rawValue) == [2, 3, 4])
        part.start(after: self.tid(3), recent: recent, isWhole: false)
        #expect(part.floor == self.tid(2))
        #expect(part.changes(after: self.tid(1), through: .max) == nil)
        #expect(part.messages(after: self.tid(2), format: .messagePack)?.map(\.transaction.tid.rawValue) == [3, 4])
    }

    @Test func anEmptyStorageHasNoChanges() {
        var queue = InvalidationQueue(size: 100, bound: 100, floor: .zero)
        queue.start(after: .zero, recent: [], isWhole: true)
        #expect(queue.last == .zero)
        #expect(queue.changes(after: .zero, through: .max) == [])
    }

    @Test func messagesAreWrittenOnceForAllReaders() throws {
        var queue = InvalidationQueue(size: 100, bound: 100, floor: .zero)
        queue.append(self.transaction(1), slowest: nil)
        let first = try #require(queue.messages(after: .zero, format: .pickle)?.first?.frame)
        let second = try #require(queue.messages(after: .zero, format: .pickle)?.first?.frame)
        #expect(first == second)
        #expect(first.withUnsafeReadableBytes { $0.baseAddress } == second.withUnsafeReadableBytes { $0.baseAddress })
    }
}
