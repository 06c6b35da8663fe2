//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import ZKTestServer
import ZKZEOAsync

@testable import zkrunzeo

/// How servers in processes of their own register.
@Suite(.timeLimit(.minutes(1))) struct ServeRegistrationTests {
    @Test func aDynamicPortNeedsThePathInZooKeeper() async throws {
        try await ZKTestServer.withServer { zooKeeper in
            try await withTemporaryDirectory { directory in
                let process = try zkrunzeo(
                    configuration: RunningServer.configuration(zooKeeper: zooKeeper.connectionString),
                    in: directory
                )
                try await expectEnd(
                    of: process,
                    status: 69,
                    saying: "zkrunzeo: the path /databases/demo does not exist in ZooKeeper "
                        + "(\(zooKeeper.connectionString))",
                    "Create it, or give the server a port"
                )
                #expect(await !zooKeeper.printTree().contains("databases"))
            }
        }
    }

    @Test func aDynamicPortNeedsZooKeeper() async throws {
        try await withTemporaryDirectory { directory in
            let nowhere = "127.0.0.1:\(try freePort())"
            let process = try zkrunzeo(
                configuration: RunningServer.configuration(zooKeeper: nowhere),
                in: directory
            )
            try await expectEnd(
                of: process,
                status: 69,
                saying: "zkrunzeo: ZooKeeper (\(nowhere)) is out of reach",
                "Start ZooKeeper, or give the server a port"
            )
        }
    }

    @Test func aServerThatWaitsForZooKeeperCanBeStopped() async throws {
        try await withTemporaryDirectory { directory in
            let server = try await RunningServer.start(
                RunningServer.configuration(zooKeeper: "127.0.0.1:\(try freePort())"),
                in: directory
            )
            #expect(try await server.stop() == 0, "\(server.process.output)")
        }
    }

    @Test func aStaticPortIsServedAndRegisteredOnceThePathIsThere() async throws {
        try await ZKTestServer.withServer { zooKeeper in
            try await withTemporaryDirectory { directory in
                let port = try freePort()
                let server = try await RunningServer.start(
                    RunningServer.configuration(
                        address: "127.0.0.1:\(port)",
                        zooKeeper: zooKeeper.connectionString
                    ),
                    in: directory
                )
                try await expectServing(port: port)
                let line = try await server.process.line(containing: "Not registered in ZooKeeper")
                #expect(line.contains("WARNING") && line.contains("node=/databases/demo/127.0.0.1:\(port)"), "\(line)")
                #expect(await !zooKeeper.printTree().contains("databases"))
                try await withSession(zooKeeper.connectionString) { try await $0.ensurePath("/databases/demo") }
                try await zooKeeper.waitForRegistered(["127.0.0.1:\(port)"])
                #expect(try await server.stop() == 0)
                #expect(try await zooKeeper.registered().isEmpty)
            }
        }
    }

    @Test func aStaticPortIsServedAndRegisteredOnceZooKeeperIsThere() async throws {
        try await withRegistry { zooKeeper in
            try await withTemporaryDirectory { directory in
                try await zooKeeper.stop(keepingSessions: false)
                let port = try freePort()
                let server = try await RunningServer.start(
                    RunningServer.configuration(
                        address: "127.0.0.1:\(port)",
                        zooKeeper: zooKeeper.connectionString
                    ),
                    in: directory
                )
                try await expectServing(port: port)
                try await zooKeeper.restart()
                try await zooKeeper.waitForRegistered(["127.0.0.1:\(port)"])
                try await server.process.line(containing: "Registered in ZooKeeper")
                #expect(try await server.stop() == 0)
                #expect(try await zooKeeper.registered().isEmpty)
            }
        }
    }

    @Test func anIPv6AddressIsRegisteredInBrackets() async throws {
        try await withRegistry { zooKeeper in
            try await withTemporaryDirectory { directory in
                let server = try await RunningServer.start(
                    RunningServer.configuration(address: "[::1]:0", zooKeeper: zooKeeper.connectionString),
                    in: directory
                )
                try await zooKeeper.waitForRegistered(["[::1]:\(server.port)"])
                try await expectServing(port: server.port, host: "::1")
                #expect(try await server.stop() == 0)
            }
        }
    }

    @Test(arguments: [":0", "0.0.0.0", "[::]:0"])
    func aHostThatMeansAllIsRegisteredAsEachAddressOfTheMachine(_ address: String) async throws {
        try await withRegistry { zooKeeper in
            try await withTemporaryDirectory { directory in
                let server = try await RunningServer.start(
                    RunningServer.configuration(address: address, zooKeeper: zooKeeper.connectionString),
                    in: directory
                )
                let outward = try AdvertisedHosts.interfaces().filter { !$0.isLoopback }
                var hosts = Set(outward.filter(\.isIPv4).map(\.host))
                if hosts.isEmpty { hosts = [outward.isEmpty ? "127.0.0.1" : AdvertisedHosts.fullHostName()] }
                try await zooKeeper.waitForRegistered(hosts.map { "\($0):\(server.port)" })
                try await expectServing(port: server.port, host: try #require(hosts.first))
                #expect(try await server.stop() == 0)
                #expect(try await zooKeeper.registered().isEmpty)
            }
        }
    }

    @Test(arguments: ["db.example.com:9100", "db.example.com"])
    func anAdvertisedAddressIsRegisteredInstead(_ advertised: String) async throws {
        try await withRegistry { zooKeeper in
            try await withTemporaryDirectory { directory in
                let configuration = RunningServer.configuration(zooKeeper: zooKeeper.connectionString)
                    .replacingOccurrences(
                        of: "path /databases/demo",
                        with: "path /databases/demo\nadvertise \(advertised)"
                    )
                let server = try await RunningServer.start(configuration, in: directory)
                let name = advertised.contains(":") ? advertised : "\(advertised):\(server.port)"
                try await zooKeeper.waitForRegistered([name])
                #expect(try await server.stop() == 0)
                #expect(try await zooKeeper.registered().isEmpty)
            }
        }
    }

    @Test func theNodeSaysWhoseItIs() async throws {
        try await withRegistry { zooKeeper in
            try await withTemporaryDirectory { directory in
                let configuration = RunningServer.configuration(zooKeeper: zooKeeper.connectionString)
                var instances: [String?] = []
                for _ in 0..<2 {
                    let server = try await RunningServer.start(configuration, in: directory)
                    let name = "127.0.0.1:\(server.port)"
                    try await zooKeeper.waitForRegistered([name])
                    let properties = try await withSession(zooKeeper.connectionString) { session in
                        NodeProperties(data: try await session.get("/databases/demo/\(name)").data)
                    }
                    #expect(properties.pid == server.process.pid)
                    instances.append(properties["instance"]?.string)
                    #expect(try await server.stop() == 0)
                }
                #expect(instances[0] != nil && instances[0] == instances[1])
            }
        }
    }

    @Test func theNodeHasTheAccessControlListThatIsConfigured() async throws {
        let zooKeeper = try await RealZooKeeper()
        try await withSession(zooKeeper.connectionString) { try await $0.ensurePath("/databases/demo") }
        try await withTemporaryDirectory { directory in
            let configuration = RunningServer.configuration(zooKeeper: zooKeeper.connectionString).replacingOccurrences(
                of: "path /databases/demo",
                with: "path /databases/demo\nauth digest:me:secret\nacl auth::cdrwa, world:anyone:r"
            )
            let server = try await RunningServer.start(configuration, in: directory)
            let path = "/databases/demo/127.0.0.1:\(server.port)"
            try await server.process.line(containing: "Registered in ZooKeeper")
            let list = try await withSession(zooKeeper.connectionString) { try await $0.getACL(path).acl }
            #expect(list.count == 2 && list.contains(ZNodeACL(.read, scheme: "world", identity: "anyone")), "\(list)")
            #expect(list.contains { $0.scheme == "digest" && $0.identity.hasPrefix("me:") && $0.permissions == .all })
            #expect(try await server.stop() == 0)
            #expect(try await withSession(zooKeeper.connectionString) { try await $0.exists(path) } == nil)
        }
        try await zooKeeper.stop()
    }
}
