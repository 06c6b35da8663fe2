//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing
import ZEOAsyncServer
import ZEOProtocol
import ZODBFormat
import ZODBStorage

/// Who resolves conflicts, and how long the others wait for it.
@Suite(.timeLimit(.minutes(1)))
struct ServerResolutionTests {
    let one = ObjectID(rawValue: 1)
    let two = ObjectID(rawValue: 2)
    let token = TransactionToken(1)

    private func length(_ value: Int) -> ByteBuffer {
        ObjectRecord(classDescription: .global(PickleGlobal("BTrees.Length", "Length")), state: .int(value)).bytes
    }

    private func store(
        _ client: RawZEOClient,
        _ oid: ObjectID,
        _ serial: TransactionID,
        _ data: ByteBuffer
    ) async throws {
        try await client.send(.asynchronous(.begin(TransactionBeginning(token: self.token))))
        try await client.send(.asynchronous(.store(oid, serial: serial, data: data, self.token)))
    }

    private func status(_ client: RawZEOClient, _ key: String) async throws -> PickleValue? {
        guard case .dict(let items) = try await client.call(.serverStatus).plainValue() else { return nil }
        return items.first { $0.key == .string(key) }?.value
    }

    /// Two clients, of which the second one's transaction started from a revision that the first one has replaced.
    private func withConflict(
        _ configure: (inout ZEOServerConfiguration) -> Void = { _ in },
        _ body: (RawZEOClient, RawZEOClient, TransactionID, ZEOServerUnderTest) async throws -> Void
    ) async throws {
        try await withZEOServer(configure) { running in
            let first = try await RawZEOClient.registered(port: running.port)
            let second = try await RawZEOClient.registered(port: running.port)
            var serials: [TransactionID] = [.zero]
            for value in [10, 13] {
                try await self.store(first, self.one, serials[serials.count - 1], self.length(value))
                #expect(try await first.call(.vote(self.token)).voteItems().isEmpty)
                serials.append(try await first.finish(self.token))
            }
            try await self.store(second, self.one, serials[1], self.length(8))
            try await body(first, second, serials[2], running)
        }
    }

    @Test(arguments: [ZEOServerConfiguration.ConflictResolution.unset, .none])
    func theServerMergesWhatItUnderstandsAndNamesIt(_ resolution: ZEOServerConfiguration.ConflictResolution)
        async throws
    {
        try await self.withConflict {
            $0.conflictResolution = resolution
        } _: { first, second, _, _ in
            #expect(try await second.call(.vote(self.token)).voteItems() == [.resolved(self.one)])
            #expect(try await self.status(first, "conflicts_resolved") == .int(1))
            let tid = try await second.finish(self.token)
            let revision = try await first.load(self.one)
            #expect(try revision.map { try ObjectRecord($0.data).state } == .int(11))
            #expect(revision?.tid == tid)
            #expect(first.events.contains(.invalidated(tid, [self.one])))
        }
    }

    @Test func allConflictsGoToTheClientWhereTheConfigurationSaysSo() async throws {
        try await self.withConflict {
            $0.conflictResolution = .client
        } _: { first, second, committed, _ in
            guard case .conflict(let conflict) = try await second.call(.vote(self.token)).voteItems().first else {
                Issue.record("no conflict")
                return
            }
            #expect(conflict.committed == committed && conflict.data == self.length(8))
            #expect(try await self.status(first, "conflicts_resolved") == .int(0))
        }
    }

    @Test func theLockIsKeptForWhoResolves() async throws {
        try await withZEOServer { running in
            let first = try await RawZEOClient.registered(port: running.port)
            let second = try await RawZEOClient.registered(port: running.port)
            let serial = try await first.commit(self.one)
            try await second.store(self.token, [(self.one, .zero)], data: "mine")
            #expect(try await second.call(.vote(self.token)).voteItems().count == 1)
            // Somebody else wants to commit the same object, and has to wait until the conflict is resolved.
            try await first.store(self.token, [(self.one, serial)], data: "other")
            let vote = try await first.begin(.vote(self.token))
            try await eventually("it waits") { try await self.status(second, "waiting") == .int(1) }
            let merged = ByteBuffer(string: "merged")
            try await second.send(.asynchronous(.store(self.one, serial: serial, data: merged, self.token)))
            #expect(try await second.call(.vote(self.token)).voteItems().isEmpty)
            let tid = try await second.finish(self.token)
            guard case .conflict(let conflict) = try await first.reply(to: vote).voteItems().first else {
                Issue.record("no conflict")
                return
            }
            #expect(conflict.committed == tid)
        }
    }

    enum End: CaseIterable { case abort, disconnect, time }

    @Test(arguments: End.allCases) func aClientThatDoesNotResolveStopsNobody(_ end: End) async throws {
        try await withZEOServer {
            $0.resolutionTime = end == .time ? .milliseconds(300) : .seconds(600)
        } _: { running in
            let first = try await RawZEOClient.registered(port: running.port)
            let second = try await RawZEOClient.registered(port: running.port)
            let serial = try await first.commit(self.one)
            try await second.store(self.token, [(self.one, .zero)])
            #expect(try await second.call(.vote(self.token)).voteItems().count == 1)
            try await first.store(self.token, [(self.two, .zero)])
            let vote = try await first.begin(.vote(self.token))
            switch end {
            case .abort: _ = try await second.call(.abort(self.token))
            case .disconnect: try await second.close()
            case .time: break
            }
            #expect(try await first.reply(to: vote).voteItems().isEmpty)
            _ = try await first.finish(self.token)
            guard end == .time else { return }
            #expect(running.log.contains("the next one may commit"))
            // It may still resolve, and has lost nothing but the certainty.
            try await second.send(
                .asynchronous(.store(self.one, serial: serial, data: ByteBuffer(string: "merged"), self.token))
            )
            #expect(try await second.call(.vote(self.token)).voteItems().isEmpty)
            _ = try await second.finish(self.token)
        }
    }

    @Test func aClientWithStaleSerialsForEverStopsNobody() async throws {
        try await withZEOServer { running in
            let first = try await RawZEOClient.registered(port: running.port)
            let stale = try await RawZEOClient.registered(port: running.port)
            var serial = try await first.commit(self.one)
            try await stale.store(self.token, [(self.one, .zero)])
            for _ in 0..<10 {
                // The first of two votes keeps the lock, the second one gives it back.
                for _ in 0..<2 { #expect(try await stale.call(.vote(self.token)).voteItems().count == 1) }
                serial = try await first.commit(self.one, over: serial)
            }
        }
    }

    @Test func aReadConflictEndsTheTransactionAndKeepsNothing() async throws {
        try await withZEOServer {
            $0.resolutionTime = .seconds(600)
        } _: { running in
            let first = try await RawZEOClient.registered(port: running.port)
            let second = try await RawZEOClient.registered(port: running.port)
            let serial = try await first.commit(self.one)
            try await second.store(self.token, [(self.one, .zero)])
            #expect(try await second.call(.vote(self.token)).voteItems().count == 1)
            try await second.send(.asynchronous(.checkCurrent(self.one, serial: .max, self.token)))
            guard case .exception(let exception) = try await second.call(.vote(self.token)) else {
                Issue.record("no exception")
                return
            }
            #expect(exception.className == RemoteException.readConflictErrorName)
            _ = try await first.commit(self.one, over: serial)
        }
    }
}
