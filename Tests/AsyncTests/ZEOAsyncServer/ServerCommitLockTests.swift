//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import Testing
import ZEOAsyncServer
import ZEOProtocol
import ZODBFormat
import ZODBStorage

/// Who gets the commit lock, and how it comes free again.
@Suite(.timeLimit(.minutes(1)))
struct ServerCommitLockTests {
    let one = ObjectID(rawValue: 1)
    let two = ObjectID(rawValue: 2)
    let token = TransactionToken(1)

    /// The number of clients that wait for the lock.
    private func waiting(_ client: RawZEOClient) async throws -> PickleValue? {
        guard case .dict(let items) = try await client.call(.serverStatus).plainValue() else { return nil }
        return items.first { $0.key == .string("waiting") }?.value
    }

    @Test func aClientThatDisconnectsGivesBackTheLock() async throws {
        try await withZEOServer { running in
            let first = try await RawZEOClient.registered(port: running.port)
            let second = try await RawZEOClient.registered(port: running.port)
            try await first.store(self.token, [(self.one, .zero)])
            #expect(try await first.call(.vote(self.token)).voteItems().isEmpty)
            try await second.store(self.token, [(self.one, .zero)])
            let vote = try await second.begin(.vote(self.token))
            try await first.close()
            #expect(try await second.reply(to: vote).voteItems().isEmpty)
            _ = try await second.finish(self.token)
            try await eventually("the log tells") { running.log.contains("disconnected during locked transaction") }
        }
    }

    @Test func aClientThatDisconnectsWhileItWaitsLeavesTheQueue() async throws {
        try await withZEOServer { running in
            let first = try await RawZEOClient.registered(port: running.port)
            let second = try await RawZEOClient.registered(port: running.port)
            let third = try await RawZEOClient.registered(port: running.port)
            for client in [first, second, third] { try await client.store(self.token, [(self.one, .zero)]) }
            _ = try await first.call(.vote(self.token))
            _ = try await second.begin(.vote(self.token))
            try await eventually("one waits") { try await self.waiting(first) == .int(1) }
            let vote = try await third.begin(.vote(self.token))
            try await eventually("two wait") { try await self.waiting(first) == .int(2) }
            try await second.close()
            try await eventually("one waits again") { try await self.waiting(first) == .int(1) }
            let tid = try await first.finish(self.token)
            let items = try await third.reply(to: vote).voteItems()
            #expect(
                items == [
                    .conflict(
                        ConflictReport(oid: self.one, committed: tid, read: .zero, data: ByteBuffer(string: "data"))
                    )
                ]
            )
            #expect(running.log.contains("disconnected during unlocked transaction"))
        }
    }

    @Test func waitingClientsAreServedInTheOrderOfTheirVotes() async throws {
        try await withZEOServer {
            $0.eventLoopCount = 4
        } _: { running in
            let holder = try await RawZEOClient.registered(port: running.port)
            try await holder.store(self.token, [(self.one, .zero)])
            _ = try await holder.call(.vote(self.token))
            var waiters: [(client: RawZEOClient, vote: MessageID)] = []
            for number in 1...5 {
                let client = try await RawZEOClient.registered(port: running.port)
                try await client.store(self.token, [(ObjectID(rawValue: UInt64(10 + number)), .zero)])
                waiters.append((client, try await client.begin(.vote(self.token))))
                try await eventually("\(number) wait") { try await self.waiting(holder) == .int(number) }
            }
            var last = try await holder.finish(self.token)
            for (client, vote) in waiters {
                _ = try await client.reply(to: vote)
                let tid = try await client.finish(self.token)
                #expect(tid > last)
                last = tid
            }
            #expect(running.log.contains("('1') queue lock: transactions waiting: 5", at: .warning))
        }
    }

    @Test func anAbortWhileWaitingLeavesTheQueue() async throws {
        try await withZEOServer { running in
            let first = try await RawZEOClient.registered(port: running.port)
            let second = try await RawZEOClient.registered(port: running.port)
            for client in [first, second] { try await client.store(self.token, [(self.one, .zero)]) }
            _ = try await first.call(.vote(self.token))
            _ = try await second.begin(.vote(self.token))
            try await eventually("one waits") { try await self.waiting(first) == .int(1) }
            #expect(try await second.call(.abort(self.token)) == .none)
            try await eventually("nobody waits") { try await self.waiting(first) == .int(0) }
            let tid = try await first.finish(self.token)
            _ = try await second.commit(self.one, over: tid)
        }
    }

    @Test func whoHoldsTheLockForTooLongIsCutOff() async throws {
        try await withZEOServer {
            $0.transactionTimeout = .milliseconds(1500)
        } _: { running in
            let slow = try await RawZEOClient.registered(port: running.port)
            let next = try await RawZEOClient.registered(port: running.port)
            for client in [slow, next] { try await client.store(self.token, [(self.one, .zero)]) }
            _ = try await slow.call(.vote(self.token))
            _ = try await next.call(.vote(self.token))
            await slow.waitUntilClosed()
            #expect(running.log.contains("Transaction timeout after 1.5 seconds", at: .critical))
            #expect(try await next.finish(self.token) > .zero)
        }
    }

    @Test func collectingTakesAsLongAsItLikes() async throws {
        try await withZEOServer {
            $0.transactionTimeout = .seconds(2)
        } _: { running in
            let client = try await RawZEOClient.registered(port: running.port)
            try await client.store(self.token, [(self.one, .zero)])
            try await Task.sleep(for: .milliseconds(2300))
            _ = try await client.call(.vote(self.token))
            #expect(try await client.finish(self.token) > .zero)
        }
    }

    @Test func aConflictLeavesTheTransactionToTheClientAndTheLockToOthers() async throws {
        try await withZEOServer {
            $0.resolutionTime = .zero
        } _: { running in
            let first = try await RawZEOClient.registered(port: running.port)
            let second = try await RawZEOClient.registered(port: running.port)
            let serial = try await first.commit(self.one)
            try await second.store(self.token, [(self.one, .zero), (self.two, .zero)], data: "mine")
            guard case .conflict(let conflict) = try await second.call(.vote(self.token)).voteItems().first else {
                Issue.record("no conflict")
                return
            }
            #expect(conflict.committed == serial && conflict.read == .zero)
            let newer = try await first.commit(self.one, over: serial)
            // Resolved against a revision that is old again, and then against the right one.
            for (committed, isLast) in [(serial, false), (newer, true)] {
                try await second.send(
                    .asynchronous(
                        .store(self.one, serial: committed, data: ByteBuffer(string: "merged"), self.token)
                    )
                )
                #expect(try await second.call(.vote(self.token)).voteItems().isEmpty == isLast)
            }
            let tid = try await second.finish(self.token)
            let merged = LoadedRevision(data: ByteBuffer(string: "merged"), tid: tid, next: nil)
            #expect(try await first.load(self.one) == merged)
            #expect(try await first.load(self.two)?.data == ByteBuffer(string: "mine"))
        }
    }

    @Test func nextTransactionMayBeSentBehindFinish() async throws {
        try await withZEOServer { running in
            let client = try await RawZEOClient.registered(port: running.port)
            try await client.store(self.token, [(self.one, .zero)])
            _ = try await client.call(.vote(self.token))
            let other = TransactionToken(2)
            let finish = try await client.begin(.finish(self.token))
            try await client.store(other, [(self.two, .zero)])
            let vote = try await client.begin(.vote(other))
            let first = try await client.reply(to: finish).transactionID() ?? .max
            #expect(try await client.reply(to: vote).voteItems().isEmpty)
            #expect(try await client.finish(other) > first)
        }
    }

    @Test func callsWithoutTheirTransactionAreAnsweredAsPythonDoes() async throws {
        try await withZEOServer { running in
            let client = try await RawZEOClient.registered(port: running.port)
            #expect(try await client.call(.finish(self.token)) == .none)
            #expect(try await client.call(.abort(self.token)) == .none)
            guard case .exception(let exception) = try await client.call(.vote(self.token)) else {
                Issue.record("no exception")
                return
            }
            #expect(exception == RemoteException(RemoteException.storageTransactionErrorName, .none, .int(1)))
            #expect(running.log.contains("no current transaction: vote()", at: .warning))
            try await client.store(self.token, [])
            // The same beginning once more does no harm, another one is an error that an asynchronous call cannot tell.
            try await client.store(self.token, [])
            #expect(try await client.call(.finish(self.token)) != .none)
            #expect(try await client.call(.ping) == .none)
            try await client.store(TransactionToken(2), [])
            await client.waitUntilClosed()
        }
    }

    @Test func aServerThatEndsAnswersWhatIsBeingFinishedAndAbortsTheRest() async throws {
        let storage = MappingStorage()
        try await withZEOServer(of: [("1", storage)]) { running in
            let holder = try await RawZEOClient.registered(port: running.port)
            try await holder.store(self.token, [(self.one, .zero)])
            _ = try await holder.call(.vote(self.token))
            running.server.shutDownGracefully()
            await holder.waitUntilClosed()
        }
        #expect(try storage.lastTransaction() == .zero)
        // The lock is free.
        guard case .prepared(let vote) = try await storage.vote(TransactionDraft()) else {
            Issue.record("not prepared")
            return
        }
        await storage.abort(vote)
    }
}
