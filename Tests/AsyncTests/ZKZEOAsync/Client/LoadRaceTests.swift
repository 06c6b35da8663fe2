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

/// Loads, invalidations and the loss of connections that meet: what ZEO's issues 155 and 166 are about.
@Suite(.timeLimit(.minutes(1))) struct LoadRaceTests {
    private let oid = ObjectID(rawValue: 7)

    private static func tid(_ number: UInt64) -> TransactionID { TransactionID(rawValue: number) }

    private static func revision(_ number: UInt64) -> Reply {
        .revision(LoadedRevision(data: ByteBuffer(string: "x"), tid: self.tid(number), next: nil))
    }

    /// The server answers a load from before a transaction, and says so only after it has told of the transaction.
    @Test func anAnswerThatWasOvertakenByAnInvalidationIsNotKept() async throws {
        let loads = Shared(0)
        let oid = self.oid
        let server = try await ScriptedServer { heard in
            guard case .call(let id, .loadBefore) = heard else { return ScriptedServer.soundly(heard) }
            loads.change { $0 += 1 }
            guard loads.value == 1 else { return [.message(.reply(id, Self.revision(6)))] }
            return [
                .message(.call(.invalidateTransaction(Self.tid(6), [oid]))),
                .message(.reply(id, Self.revision(5))),
            ]
        }
        let storage = try await ClientStorage.open(addresses: [server.address])
        // Who asked for a time before the transaction gets what he asked for.
        #expect(try await storage.load(oid, before: Self.tid(6))?.tid == Self.tid(5))
        #expect(storage.view.revision(of: oid, before: .max) == nil)
        #expect(try await storage.load(oid, before: Self.tid(7))?.tid == Self.tid(6))
        #expect(loads.value == 2)
        // This one knows of the transaction, and is kept.
        #expect(try await storage.load(oid, before: Self.tid(7))?.tid == Self.tid(6))
        #expect(loads.value == 2)
        try await storage.close()
        try await server.stop()
    }

    /// The same with the client's own transaction, whose answer overtakes the load's.
    @Test func anAnswerThatWasOvertakenByAnOwnCommitIsNotKept() async throws {
        let oid = self.oid
        let waiting = Shared<MessageID?>(nil)
        let server = try await ScriptedServer { heard in
            switch heard {
            case .call(let id, .loadBefore):
                waiting.change { $0 = id }
                return []
            case .call(let id, .vote): return [.message(.reply(id, .none))]
            case .call(let id, .finish):
                let answer = ScriptedServer.Said.message(.reply(id, .tid(Self.tid(6))))
                return [answer] + (waiting.value.map { [.message(.reply($0, Self.revision(5)))] } ?? [])
            default: return ScriptedServer.soundly(heard)
            }
        }
        let storage = try await ClientStorage.open(addresses: [server.address])
        async let loaded = storage.load(oid, before: Self.tid(6))
        try await eventually("the load is under way") { waiting.value != nil }
        let draft = TransactionDraft(operations: [.store(oid, serial: Self.tid(5), data: ByteBuffer(string: "new"))])
        guard case .prepared(let vote) = try await storage.vote(draft) else {
            Issue.record("the vote failed")
            return
        }
        #expect(try await storage.finish(vote) == Self.tid(6))
        #expect(try await loaded?.tid == Self.tid(5))
        let current = storage.view.revision(of: oid, before: .max)
        #expect(current?.tid == Self.tid(6) && current?.data == ByteBuffer(string: "new"))
        try await storage.close()
        try await server.stop()
    }

    /// Whoever learns of a transaction finds that observers have heard of it: snapshots begin with what these know.
    @Test func theLastTransactionIsShownOnlyWhenObserversHaveHeardOfIt() async throws {
        let view = ClientView(cacheSize: 1 << 20)
        let information = ServerInformation(
            length: 0,
            size: 0,
            name: "",
            supportsUndo: false,
            supportsRecordIternext: false,
            interfaces: []
        )
        view.connected(.upToDate(Self.tid(5)), information)
        let observer = LookingObserver(view)
        #expect(view.add(observer) == Self.tid(5))
        view.committed(CommittedTransaction(tid: Self.tid(6), oids: [self.oid]))
        view.connected(.changed(Self.tid(7), [self.oid]), information)
        #expect(observer.seen.value == [Self.tid(5), Self.tid(6)])
        #expect(view.last == Self.tid(7))
    }

    @Test func aCallThatMeetsADyingConnectionWaitsForTheNextOne() async throws {
        let connections = Shared(0)
        let server = try await ScriptedServer { heard in
            if case .connection = heard { connections.change { $0 += 1 } }
            guard case .call(let id, .loadBefore) = heard else { return ScriptedServer.soundly(heard) }
            return [.message(.reply(id, Self.revision(4)))]
        }
        let storage = try await ClientStorage.open(addresses: [server.address])
        for round in 1...3 {
            // The gate does not know yet that this connection is none any more.
            let dying = try await storage.connection()
            dying.close(nil)
            let oid = ObjectID(rawValue: UInt64(round))
            #expect(try await storage.load(oid, before: .max)?.tid == Self.tid(4))
        }
        #expect(connections.value >= 2)
        try await storage.close()
        try await server.stop()
    }
}

/// Looks at the last transaction whenever it is told of one.
private final class LookingObserver: StorageObserver {
    let seen = Shared<[TransactionID?]>([])
    private let view: ClientView

    init(_ view: ClientView) {
        self.view = view
    }

    func storageDidCommit(_ transaction: CommittedTransaction) {
        let last = self.view.last
        self.seen.change { $0.append(last) }
    }

    func storageDidLoseTrack(now tid: TransactionID) {}
}
