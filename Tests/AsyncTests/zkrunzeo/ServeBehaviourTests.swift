//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing
import ZEOProtocol
import ZODBFormat

/// What keys of `<zeo>` make a server do, as its clients see it.
@Suite(.timeLimit(.minutes(1))) struct ServeBehaviourTests {
    private static let oid = ObjectID(rawValue: 1)
    private static let token = TransactionToken(1)

    /// Serves with these lines in `<zeo>`.
    private static func serve(_ lines: String, _ body: (RunningServer) async throws -> Void) async throws {
        try await withTemporaryDirectory { directory in
            let server = try await RunningServer.start(
                ExitStatusTests.unregistered("127.0.0.1", lines),
                in: directory
            )
            try await body(server)
            #expect(try await server.stop() == 0)
        }
    }

    @Test func nobodyWritesToAServerThatIsReadOnly() async throws {
        try await Self.serve("read-only true") { server in
            let client = try await RawZEOClient(port: server.port)
            let refusal = try await client.call(.register(storage: "1", isReadOnly: false))
            #expect(refusal == .exception(.readOnlyError))
            let admission = try await client.call(.register(storage: "1", isReadOnly: true))
            #expect(try admission.transactionID() != nil)
            for call in [
                ServerCall.begin(TransactionBeginning(token: Self.token)), .newObjectID, .vote(Self.token),
            ] {
                #expect(try await client.call(call) == .exception(.readOnlyError))
            }
            #expect(try await client.call(.loadBefore(.root, .max)) == .exception(.posKeyError(.root)))
        }
    }

    @Test(arguments: [true, false])
    func clientsThatWereAwayForLongAreToldWhatChangedForTheAge(_ hasAge: Bool) async throws {
        let age = hasAge ? "invalidation-age 1000" : ""
        try await Self.serve("invalidation-queue-size 2\n\(age)") { server in
            let writer = try await RawZEOClient.registered(port: server.port)
            let oids = (1...8).map { ObjectID(rawValue: $0) }
            var tids: [TransactionID] = []
            for oid in oids { tids.append(try await writer.commit(oid)) }
            // What the queue remembers it tells in any case.
            let recent = try await writer.call(.getInvalidations(after: tids[6])).invalidations()
            #expect(recent?.last == tids[7] && recent?.oids == [oids[7]])
            let old = try await writer.call(.getInvalidations(after: tids[0])).invalidations()
            #expect(old?.last == (hasAge ? tids[7] : nil))
            #expect(old.map { Set($0.oids) } == (hasAge ? Set(oids[1...]) : nil))
            // That long nobody was away.
            let ancient = try await writer.call(.getInvalidations(after: TransactionID(rawValue: 1))).invalidations()
            #expect(ancient == nil)
        }
    }

    @Test func whoHoldsTheLockForTooLongIsCutOff() async throws {
        try await Self.serve("transaction-timeout 1") { server in
            let holder = try await RawZEOClient.registered(port: server.port)
            let other = try await RawZEOClient.registered(port: server.port)
            try await holder.store(Self.token, [(Self.oid, .zero)])
            #expect(try await holder.call(.vote(Self.token)).voteItems().isEmpty)
            _ = try await other.commit(Self.oid)
            await holder.waitUntilClosed()
            try await server.process.line(containing: "Transaction timeout after 1 seconds")
        }
    }
}
