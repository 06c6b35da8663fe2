//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import ZODBStorage

@Suite(.timeLimit(.minutes(1))) struct CommitLockTests {
    @Test func cancelledTaskStopsWaitingAndTheNextOneEnters() async throws {
        let lock = CommitLock()
        let holder = try await lock.acquire()
        let first = Task { try await lock.acquire() }
        try await eventually("the first waits") { lock.waitingCount == 1 }
        let second = Task { try await lock.acquire() }
        try await eventually("both wait") { lock.waitingCount == 2 }
        first.cancel()
        await #expect(throws: CancellationError.self) { try await first.value }
        #expect(lock.waitingCount == 1)
        lock.release(holder)
        lock.release(try await second.value)
    }

    @Test func taskThatIsCancelledAlreadyNeverWaits() async throws {
        let lock = CommitLock()
        let holder = try await lock.acquire()
        let cancelled = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await lock.acquire()
        }
        await #expect(throws: CancellationError.self) { try await cancelled.value }
        #expect(lock.waitingCount == 0)
        lock.release(holder)
    }

    @Test func closingFailsWaitersWithClosed() async throws {
        let lock = CommitLock()
        let holder = try await lock.acquire()
        let waiter = Task { try await lock.acquire() }
        try await eventually("it waits") { lock.waitingCount == 1 }
        let closing = Task { try await lock.close() }
        let error = await #expect(throws: StorageError.self) { try await waiter.value }
        #expect(error?.code == .closed)
        lock.release(holder)
        try await closing.value
    }

    @Test func manyTasksNeverHoldThePlaceTogether() async throws {
        let lock = CommitLock()
        var total = 0
        let counter = HeldCounter()
        try await withThrowingTaskGroup(of: Int.self) { group in
            for task in 0..<16 {
                group.addTask {
                    for round in 0..<50 {
                        let waiter = Task { try await lock.acquire() }
                        if (task + round) % 7 == 0 { waiter.cancel() }
                        guard let vote = try? await waiter.value else { continue }
                        #expect(counter.enter() == 1)
                        await Task.yield()
                        counter.leave()
                        lock.release(vote)
                    }
                    return 1
                }
            }
            for try await one in group { total += one }
        }
        #expect(total == 16)
        #expect(lock.waitingCount == 0)
    }
}
