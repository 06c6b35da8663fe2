//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import ZKTestServer

@testable import ZKZEOAsync

/// When a node that somebody else has is taken over, and when it is left alone; on both servers.
@Suite(.timeLimit(.minutes(1))) struct TakeoverTests {
    enum Server: CaseIterable { case inProcess, real }

    @Test(arguments: Server.allCases) func aNodeUnderOurOwnSocketIsTakenOver(_ server: Server) async throws {
        try await Self.expect(.takenOver, server, name: "192.0.2.7:8100", found: ["pid": 4711], holdsSocket: true)
    }

    @Test(arguments: Server.allCases) func aNodeUnderAnAddressOfEveryMachineIsNot(_ server: Server) async throws {
        try await Self.expect(.leftAlone, server, name: "127.0.0.1:8100", found: ["pid": 4711], holdsSocket: true)
    }

    @Test(arguments: Server.allCases) func aNodeUnderAnAddressThatIsNotOursIsNot(_ server: Server) async throws {
        try await Self.expect(.leftAlone, server, name: "192.0.2.7:8100", found: ["pid": 4711], holdsSocket: false)
    }

    @Test(arguments: Server.allCases) func aNodeOfOurOwnInstanceIsTakenOver(_ server: Server) async throws {
        try await Self.expect(
            .takenOver,
            server,
            name: "127.0.0.1:8100",
            found: ["pid": 4711, "instance": "token"],
            wanted: ["instance": "token"]
        )
    }

    @Test(arguments: Server.allCases) func aNodeOfAnotherInstanceIsNot(_ server: Server) async throws {
        try await Self.expect(
            .leftAlone,
            server,
            name: "127.0.0.1:8100",
            found: ["pid": 4711, "instance": "another"],
            wanted: ["instance": "token"]
        )
    }

    @Test(arguments: Server.allCases) func aNodeOfADeadProcessOfThisMachineIsTakenOver(_ server: Server) async throws {
        var properties = NodeProperties(ProcessIdentity.current.properties)
        properties.pid = try await Self.deadProcess()
        try await Self.expect(.takenOver, server, name: "127.0.0.1:8100", found: properties)
    }

    @Test(arguments: Server.allCases) func aNodeOfALiveProcessOfThisMachineIsNot(_ server: Server) async throws {
        let process = try ChildProcess("/bin/sleep", ["600"])
        var properties = NodeProperties(ProcessIdentity.current.properties)
        properties.pid = process.pid
        try await Self.expect(.leftAlone, server, name: "127.0.0.1:8100", found: properties)
        process.signal(SIGKILL)
        try await process.exitStatus()
    }

    @Test(arguments: Server.allCases) func aNodeOfAnotherBootIsNot(_ server: Server) async throws {
        var properties = NodeProperties(ProcessIdentity.current.properties)
        properties.pid = try await Self.deadProcess()
        properties["boot"] = "00000000-0000-0000-0000-000000000000"
        try await Self.expect(.leftAlone, server, name: "127.0.0.1:8100", found: properties)
    }

    @Test(arguments: Server.allCases) func aNodeOfAnotherContainerIsNot(_ server: Server) async throws {
        var properties = NodeProperties(ProcessIdentity.current.properties)
        properties.pid = try await Self.deadProcess()
        properties["pid-namespace"] = "pid:[1]"
        try await Self.expect(.leftAlone, server, name: "127.0.0.1:8100", found: properties)
    }

    @Test(arguments: Server.allCases) func aNodeWithoutPropertiesIsNot(_ server: Server) async throws {
        try await Self.expect(.leftAlone, server, name: "127.0.0.1:8100", found: [:])
    }

    @Test func aNodeThatIsNotEphemeralIsNot() async throws {
        try await Self.expect(
            .leftAlone,
            .inProcess,
            name: "192.0.2.7:8100",
            found: [:],
            holdsSocket: true,
            mode: .persistent
        )
    }

    /// Two leases that both believe that the address is theirs alone: the second takes the node over, and the first, who
    /// knows that it has had the node, does not fight.
    @Test func twoThatClaimOneAddressDoNotEvictEachOtherForEver() async throws {
        try await ZKTestServer.withServer { server in
            let registration = Registration(name: "192.0.2.7:8100", holdsSocket: true)
            try await withSession(server.connectionString) { first in
                try await first.ensurePath("/databases/demo")
                let old = RegistrationLease(
                    session: first,
                    path: "/databases/demo",
                    nodes: [registration],
                    logger: quiet
                )
                let running = Task { try await old.run() }
                try await old.waitUntilRegistered()
                try await withLease(server, [registration]) { second, lease in
                    let id = try #require(await second.sessionID)
                    try await eventually("the first waits") {
                        if case .blocked(id, _) = old.nodes[registration.name] { true } else { false }
                    }
                    #expect(lease.nodes[registration.name] == .registered(sessionID: id))
                    // Let it go, so that the end finds no node: the first would take its place.
                    old.close()
                    try await running.value
                    #expect(try await second.exists("/databases/demo/192.0.2.7:8100")?.ephemeralOwner == id)
                }
            }
        }
    }

    // MARK: The frame

    private enum Outcome { case takenOver, leftAlone }

    /// Puts a node there in a session of its own, wants to register it too, and looks what comes of it.
    private static func expect(
        _ outcome: Outcome,
        _ server: Server,
        name: String,
        found: NodeProperties,
        wanted: NodeProperties = [:],
        holdsSocket: Bool = false,
        mode: CreateMode = .ephemeral
    ) async throws {
        let body: @Sendable (String) async throws -> Void = { connectionString in
            try await withSession(connectionString) { other in
                let path = "/databases/demo/" + name
                try await other.ensurePath("/databases/demo")
                let before = try await other.create(path, data: found.data, mode: mode).stat
                try await withSession(connectionString) { session in
                    let registration = Registration(name: name, properties: wanted, holdsSocket: holdsSocket)
                    let lease = RegistrationLease(
                        session: session,
                        path: "/databases/demo",
                        nodes: [registration],
                        logger: quiet
                    )
                    let running = Task { try await lease.run() }
                    switch outcome {
                    case .takenOver:
                        try await lease.waitUntilRegistered()
                        #expect(try await other.exists(path)?.ephemeralOwner == session.sessionID)
                    case .leftAlone:
                        let owner = before?.ephemeralOwner ?? 0
                        try await eventually("it waits") {
                            lease.nodes[name] == .blocked(owner: owner, pid: found.pid)
                        }
                        #expect(try await other.exists(path) == before)
                        // Once it is deleted it is ours.
                        try await other.delete(path)
                        try await lease.waitUntilRegistered()
                    }
                    lease.close()
                    try await running.value
                }
                #expect(try await other.exists(path) == nil)
            }
        }
        switch server {
        case .inProcess: try await ZKTestServer.withServer { try await body($0.connectionString) }
        case .real:
            let real = try await RealZooKeeper()
            try await body(real.connectionString)
            try await real.stop()
        }
    }

    private static func deadProcess() async throws -> Int32 {
        let process = try ChildProcess("/bin/true")
        try await process.exitStatus()
        return process.pid
    }
}
