//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOPosix
import Testing
import ZODBStorage

@testable import ZKZEOAsync

@Suite(.timeLimit(.minutes(1))) struct WaitingTests {
    @Test func theFirstResultCounts() async throws {
        let slot = CallSlot<Int>()
        #expect(slot.complete(.success(1)))
        #expect(!slot.complete(.success(2)))
        #expect(try await slot.value() == 1)
        #expect(!slot.complete(.success(3)))
    }

    @Test func aResultIsWaitedForUnlessTheTaskIsCancelled() async throws {
        let slot = CallSlot<Int>()
        let waiting = Task { try await slot.value() }
        await Task.yield()
        slot.complete(.success(1))
        #expect(try await waiting.value == 1)

        let forgotten = CallSlot<Int>()
        let cancelled = Task { try await forgotten.value() }
        cancelled.cancel()
        await #expect(throws: CancellationError.self) { _ = try await cancelled.value }
        #expect(!forgotten.complete(.success(1)))

        let important = CallSlot<Int>()
        let steadfast = Task { try await important.valueInAnyCase() }
        steadfast.cancel()
        #expect(important.complete(.success(1)))
        #expect(try await steadfast.value == 1)
    }

    @Test func theTurnstileLetsOneTaskThroughAtATime() async throws {
        let turnstile = Turnstile()
        let inside = Shared(0)
        let total = Shared(0)
        try await withThrowingTaskGroup { group in
            for _ in 0..<20 {
                group.addTask {
                    for _ in 0..<20 {
                        try await turnstile.enter()
                        inside.change { $0 += 1 }
                        #expect(inside.value == 1)
                        await Task.yield()
                        inside.change { $0 -= 1 }
                        total.change { $0 += 1 }
                        turnstile.leave()
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(total.value == 400)
    }

    @Test func whoeverIsCancelledLeavesTheQueueOfTheTurnstile() async throws {
        let turnstile = Turnstile()
        try await turnstile.enter()
        let waiting = (0..<5).map { _ in Task { try await turnstile.enter() } }
        for index in [0, 2, 4] { waiting[index].cancel() }
        for index in [0, 2, 4] {
            await #expect(throws: CancellationError.self) { try await waiting[index].value }
        }
        turnstile.leave()
        for index in [1, 3] {
            try await waiting[index].value
            turnstile.leave()
        }
        try await turnstile.enter()
    }

    @Test func theGateWaitsForAConnectionOnlySoLong() async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let gate = ConnectionGate(loop)
        gate.failed(CancellationError())
        var error = await #expect(throws: StorageError.self) {
            _ = try await gate.connection(within: .milliseconds(20))
        }
        #expect(error?.code == .disconnected)
        #expect(error?.underlyingError is CancellationError)

        let address = ServerAddress.internet(ServiceAddress(host: "127.0.0.1", port: 1))
        let connection = ZEOConnection(address, .asWished, ClientOptions(), ClientView(cacheSize: 0), loop)
        let waiting = Task { try await gate.connection(within: .seconds(60)) }
        await Task.yield()
        gate.open(connection)
        #expect(try await waiting.value === connection)
        #expect(gate.current === connection)
        gate.lost(connection, nil)
        #expect(gate.current == nil)

        let late = Task { _ = try await gate.connection(within: .seconds(60)) }
        await Task.yield()
        gate.shut()
        error = await #expect(throws: StorageError.self) { try await late.value }
        #expect(error?.code == .closed)
        error = await #expect(throws: StorageError.self) { _ = try await gate.connection(within: .seconds(60)) }
        #expect(error?.code == .closed)
    }
}
