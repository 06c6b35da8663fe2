//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import ZConfig
import ZKZEOAsync

@testable import zkrunzeo

/// `<zookeeper>`: where and how to register.
@Suite struct ZooKeeperSectionTests {
    @Test func everyKeyIsFollowed() async throws {
        try await ZEOConf.inDirectory { file in
            let run = try file.read(
                ZEOConf.zooKeeper(
                    """
                    connection zk1:2181,zk2/root
                    path /databases/demo
                    session-timeout 5000
                    monitor-server 127.0.0.1:8101
                    advertise db.example.com:9100
                    auth digest:me:secret
                    auth ip:
                    acl world:anyone:r, auth::cdrwa
                    """
                )
            )
            let registration = try #require(run.registration)
            #expect(registration.path == "/databases/demo")
            #expect(registration.zooKeeper.connection == "zk1:2181,zk2/root")
            #expect(registration.zooKeeper.sessionTimeout == .seconds(5))
            #expect(registration.zooKeeper.advertise == .init(host: "db.example.com", port: 9100))
            #expect(registration.zooKeeper.auth.map(\.scheme) == ["digest", "ip"])
            #expect(registration.zooKeeper.auth.map(\.credential) == [Array("me:secret".utf8), []])
            #expect(
                registration.zooKeeper.acl == [
                    ZNodeACL(.read, scheme: "world", identity: "anyone"),
                    ZNodeACL(.all, scheme: "auth", identity: ""),
                ]
            )
            #expect(registration.zooKeeper.monitorServer == .internet(host: "127.0.0.1", port: 8101))
            #expect(run.warnings.isEmpty)
        }
    }

    @Test func anEmptySectionRegistersNowhere() async throws {
        try await ZEOConf.inDirectory { file in
            let run = try file.read(ZEOConf.zooKeeper(""))
            #expect(run.registration == nil)
            #expect(run.zooKeeper?.connection == "127.0.0.1:2181")
            #expect(run.zooKeeper?.sessionTimeout == .seconds(10))
            #expect(run.zooKeeper?.acl == .worldRead)
        }
    }

    @Test func theEnvironmentSaysWhereZooKeeperIsUnlessTheFileDoes() async throws {
        try await ZEOConf.inDirectory { file in
            let environment = ["ZC_ZK_CONNECTION_STRING": "zk:2182"]
            let asked = try file.read(ZEOConf.zooKeeper("path /a"), environment: environment)
            #expect(asked.zooKeeper?.connection == "zk:2182")
            let said = try file.read(ZEOConf.zooKeeper("connection other:2183"), environment: environment)
            #expect(said.zooKeeper?.connection == "other:2183")
            let fault = try file.fault(
                ZEOConf.zooKeeper("path /a"),
                environment: ["ZC_ZK_CONNECTION_STRING": "zk:port"]
            )
            #expect(fault.hasPrefix("zeo.conf:1: ") && fault.contains("ZC_ZK_CONNECTION_STRING"), "\(fault)")
        }
    }

    @Test(arguments: [
        ("connection zk:99999", "zeo.conf:2: connection string \"zk:99999\""),
        ("connection zk1,,zk2", "zeo.conf:2: connection string \"zk1,,zk2\": a host is missing"),
        ("conection zk", "zeo.conf:2: <zookeeper> has no key 'conection'"),
        ("path databases", "zeo.conf:2: 'path' must be"),
        ("path /databases/", "zeo.conf:2: 'path' must be"),
        ("path /a//b", "zeo.conf:2: 'path' must be"),
        ("path /a\npath /b", "zeo.conf:3: 'path' has a value already"),
        ("advertise 8100", "zeo.conf:2: 'advertise' needs the host"),
        ("auth digest", "zeo.conf:2: 'auth' must be"),
        ("auth :secret", "zeo.conf:2: 'auth' must be"),
        ("acl world:anyone", "zeo.conf:2: 'acl' must be"),
        ("acl world:anyone:rx", "zeo.conf:2: 'acl' must be"),
        ("acl world:anyone:", "zeo.conf:2: 'acl' must be"),
        ("acl ,", "zeo.conf:2: 'acl' must be"),
        ("monitor-server h:99999", "zeo.conf:2: 'monitor-server' must be"),
        ("<server>\n</server>", "zeo.conf:2: <zookeeper> takes no section <server>"),
    ]) func aFaultIsToldWithItsLine(_ lines: String, _ sentence: String) async throws {
        try await ZEOConf.inDirectory { file in
            let fault = try file.fault(ZEOConf.zooKeeper(lines))
            #expect(fault.hasPrefix(sentence), "\(fault)")
        }
    }

    @Test(arguments: [
        ("1", Duration.milliseconds(1)), ("2500", .milliseconds(2500)), ("10s", .seconds(10)), ("3S", .seconds(3)),
    ]) func aSessionTimeoutIsInMillisecondsOrSeconds(_ text: String, _ timeout: Duration) throws {
        #expect(try Datatype.sessionTimeout.value(of: text) == timeout)
    }

    @Test(arguments: ["0", "-1", "", "s", "1.5s", "10 s", "10ms", "soon", "86400001"])
    func otherSessionTimeoutsAreRefused(_ text: String) {
        #expect(throws: (any Error).self) { try Datatype.sessionTimeout.value(of: text) }
    }

    @Test func anAdvertisedHostWithoutAPortHasThePortThatIsListenedAt() async throws {
        try await ZEOConf.inDirectory { file in
            for (text, host) in [("db.example.com", "db.example.com"), ("[2001:db8::1]", "2001:db8::1")] {
                let run = try file.read(ZEOConf.zooKeeper("advertise \(text)"))
                #expect(run.zooKeeper?.advertise == .init(host: host, port: nil))
            }
        }
    }

    @Test func anIdentityOfAnAccessControlListMayHaveColons() throws {
        let list = try Datatype<[ZNodeACL]>.acl.value(of: "digest:user:hash=:rw ip:10.0.0.0/8:r")
        #expect(
            list == [
                ZNodeACL([.read, .write], scheme: "digest", identity: "user:hash="),
                ZNodeACL(.read, scheme: "ip", identity: "10.0.0.0/8"),
            ]
        )
    }
}
