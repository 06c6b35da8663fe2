//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Logging
import ServiceLifecycle
import Testing

@testable import ZKTestServer

@Suite(.timeLimit(.minutes(1))) struct FaultsTests {
    @Test func anExpiredSessionLosesItsNodesAndItsConnection() async throws {
        try await ZKTestServer.withServer { server in
            let victim = try await WireClient(port: server.port)
            let witness = try await WireClient(port: server.port)
            let session = try await victim.greet()
            try await witness.greet()
            #expect(try await victim.createEphemeral("/e") == .ok)
            #expect(await server.sessionIDs().contains(session.sessionID))
            await server.expireSession(session.sessionID)
            try await victim.waitForEnd()
            #expect(try await !witness.exists("/e"))
            #expect(await !server.sessionIDs().contains(session.sessionID))
            let again = try await WireClient(port: server.port)
            #expect(try await again.greet(session: session.sessionID, password: session.password).sessionID == 0)
            try await again.waitForEnd()
        }
    }

    @Test func aDroppedConnectionKeepsTheSession() async throws {
        try await ZKTestServer.withServer { server in
            let victim = try await WireClient(port: server.port)
            let witness = try await WireClient(port: server.port)
            let session = try await victim.greet()
            try await witness.greet()
            try await victim.createEphemeral("/e")
            await server.dropConnections(of: session.sessionID)
            try await victim.waitForEnd()
            #expect(try await witness.exists("/e"))
            let again = try await WireClient(port: server.port)
            #expect(try await again.greet(session: session.sessionID, password: session.password) == session)
            await server.dropConnections()
            try await again.waitForEnd()
            try await witness.waitForEnd()
            #expect(await server.sessionIDs().count == 2)
        }
    }

    @Test func refusedConnectionsAreClosedAndOthersStay() async throws {
        try await ZKTestServer.withServer { server in
            let before = try await WireClient(port: server.port)
            try await before.greet()
            await server.refuseConnections(true)
            let refused = try await WireClient(port: server.port)
            try await refused.waitForEnd()
            #expect(try await before.create("/a") == .ok)
            await server.refuseConnections(false)
            let after = try await WireClient(port: server.port)
            try await after.greet()
            #expect(try await after.exists("/a"))
        }
    }

    @Test func delayedRepliesKeepTheirOrder() async throws {
        try await ZKTestServer.withServer { server in
            let client = try await WireClient(port: server.port)
            try await client.greet()
            await server.delayReplies(by: .milliseconds(200))
            let start = ContinuousClock.now
            for xid in Int32(1)...3 {
                try await client.send { writer in
                    writer.int(xid)
                    writer.int(OperationCode.create.rawValue)
                    writer.string("/\(xid)")
                    writer.bytes(nil)
                    writer.int(1)
                    writer.int(31)
                    writer.string("world")
                    writer.string("anyone")
                    writer.int(0)
                }
            }
            // Done, though not answered.
            try await eventually("the last node is there") { await server.printTree().contains("/3") }
            // What is sent after the delay has ended still waits for what was sent before.
            await server.delayReplies(by: .zero)
            try await client.send { writer in
                writer.int(4)
                writer.int(OperationCode.ping.rawValue)
            }
            for xid in Int32(1)...4 {
                var reply = try await client.frame()
                #expect(try reply.int() == xid)
            }
            // No upper bound: a busy machine may take its time.
            #expect(ContinuousClock.now - start >= .milliseconds(200))
        }
    }

    @Test func aSwappedSessionIsANewOneAndTheOldOneLivesOn() async throws {
        try await ZKTestServer.withServer { server in
            let client = try await WireClient(port: server.port)
            let session = try await client.greet()
            try await client.createEphemeral("/e")
            await server.swapSessions(true)
            await server.dropConnections(of: session.sessionID)
            try await client.waitForEnd()
            let again = try await WireClient(port: server.port)
            let other = try await again.greet(session: session.sessionID, password: session.password)
            #expect(other.sessionID != 0)
            #expect(other.sessionID != session.sessionID)
            #expect(try await again.exists("/e"))
            #expect(await server.sessionIDs() == [session.sessionID, other.sessionID])
        }
    }

    @Test(arguments: [true, false]) func aRestartKeepsTheTreeAndTheSessionsIfTold(keepingSessions: Bool) async throws {
        try await ZKTestServer.withServer { server in
            let client = try await WireClient(port: server.port)
            let session = try await client.greet()
            try await client.create("/stays", "x")
            try await client.createEphemeral("/e")
            try await server.stop(keepingSessions: keepingSessions)
            try await client.waitForEnd()
            await #expect(throws: (any Error).self) { try await WireClient(port: server.port) }
            try await server.restart()
            // Once is enough.
            try await server.restart()
            let again = try await WireClient(port: server.port)
            let back = try await again.greet(session: session.sessionID, password: session.password)
            #expect(back.sessionID == (keepingSessions ? session.sessionID : 0))
            let witness = try await WireClient(port: server.port)
            try await witness.greet()
            #expect(try await witness.exists("/stays"))
            #expect(try await witness.exists("/e") == keepingSessions)
        }
    }

    @Test func aCutProxyLooksLikeALostConnection() async throws {
        try await ZKTestServer.withServer { server in
            let proxy = try await TCPProxy(to: server.port)
            let client = try await WireClient(port: proxy.port)
            let session = try await client.greet()
            try await proxy.cut(forGood: true)
            try await client.waitForEnd()
            let refused = try await WireClient(port: proxy.port)
            try await refused.waitForEnd()
            try await proxy.heal()
            let again = try await WireClient(port: proxy.port)
            #expect(try await again.greet(session: session.sessionID, password: session.password) == session)
            try await proxy.close()
            try await again.waitForEnd()
        }
    }

    @Test func theTreeIsPrintedAsZcZkDoes() async throws {
        try await ZKTestServer.withServer { server in
            let client = try await WireClient(port: server.port)
            try await client.greet()
            try await client.create("/databases")
            try await client.create("/databases/demo")
            try await client.createEphemeral("/databases/demo/127.0.0.1:1234", #"{"pid": 5, "monitor": "127.0.0.1:8"}"#)
            #expect(
                await server.printTree("/databases/demo") == """
                    /demo
                      /127.0.0.1:1234
                        monitor = u'127.0.0.1:8'
                        pid = 5

                    """
            )
            #expect(await server.printTree().hasPrefix("/databases\n  /demo\n"))
            #expect(await server.printTree("/missing") == "")
        }
    }

    @Test func itServesInAServiceGroupUntilItShutsDown() async throws {
        let server = try await ZKTestServer.start()
        let group = ServiceGroup(configuration: .init(services: [.init(service: server)], logger: .init(label: "test")))
        try await withThrowingTaskGroup { tasks in
            tasks.addTask { try await group.run() }
            let client = try await WireClient(port: server.port)
            try await client.greet()
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
            try await client.waitForEnd()
            await #expect(throws: (any Error).self) { try await WireClient(port: server.port) }
        }
    }

    @Test func aTakenPortIsAnError() async throws {
        try await ZKTestServer.withServer { server in
            await #expect(throws: (any Error).self) { try await ZKTestServer.start(.init(port: server.port)) }
            #expect(server.connectionString == "127.0.0.1:\(server.port)")
        }
    }

    @Test func anErrorInTheBodyEndsTheServer() async throws {
        struct Mistake: Error {}
        var port = 0
        await #expect(throws: Mistake.self) {
            try await ZKTestServer.withServer { server in
                port = server.port
                throw Mistake()
            }
        }
        await #expect(throws: (any Error).self) { try await WireClient(port: port) }
    }
}
