//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import Testing
import ZEOAsyncServer
import ZEOProtocol

@testable import zkrunzeo

/// What configuration files and command lines mean.
@Suite struct ServeConfigurationTests {
    // MARK: <zeo>

    @Test func everyKeyOfTheServerIsFollowed() async throws {
        try await ZEOConf.inDirectory { file in
            let run = try file.read(
                ZEOConf.zeo(
                    """
                    address 127.0.0.1:8100
                    read-only yes
                    invalidation-queue-size 7
                    invalidation-age 90
                    transaction-timeout 1.5
                    pid-filename \(file.directory)/zeo.pid
                    client-conflict-resolution on
                    msgpack true
                    slow-call-time 0.5
                    """
                )
            )
            var expected = ZEOServerConfiguration(address: .hostname("127.0.0.1", port: 8100))
            expected.isReadOnly = true
            expected.invalidationQueueSize = 7
            expected.invalidationAge = .seconds(90)
            expected.transactionTimeout = .milliseconds(1500)
            expected.conflictResolution = .client
            expected.wireFormat = .messagePack
            expected.slowCallTime = .milliseconds(500)
            #expect(run.server == expected)
            #expect(run.pidFile == file.directory + "/zeo.pid")
            #expect(run.warnings.isEmpty)
            #expect(run.registration == nil)
        }
    }

    @Test func theAddressAloneIsEnough() async throws {
        try await ZEOConf.inDirectory { file in
            let run = try file.read(ZEOConf.zeo("address 8100"))
            #expect(run.server == ZEOServerConfiguration(address: .hostname("", port: 8100)))
            #expect(run.pidFile == nil)
            let none = try file.read(ZEOConf.zeo("address 8100\nclient-conflict-resolution false"))
            #expect(none.server.conflictResolution == .none)
            #expect(try file.read(ZEOConf.zeo("address 8100\nslow-call-time 0")).server.slowCallTime == nil)
        }
    }

    @Test(arguments: [
        ("localhost", ZEOServerConfiguration.Address.hostname("localhost", port: 0)),
        ("localhost:0", .hostname("localhost", port: 0)),
        (":8100", .hostname("", port: 8100)),
        ("0.0.0.0:8100", .hostname("0.0.0.0", port: 8100)),
        ("[::1]:8100", .hostname("::1", port: 8100)),
        ("[::]:8100", .hostname("::", port: 8100)),
        ("::1", .hostname("::1", port: 0)),
        ("run/zeo.sock", .unixDomainSocket(path: "run/zeo.sock")),
    ]) func anAddressIsRead(_ text: String, _ address: ZEOServerConfiguration.Address) async throws {
        try await ZEOConf.inDirectory { file in
            #expect(try file.read(ZEOConf.zeo("address \(text)")).server.address == address)
            let overridden = try file.read(ZEOConf.zeo("address 9999"), ["-a", text])
            #expect(overridden.server.address == address)
        }
    }

    @Test(arguments: [
        ("adress 8100", "zeo.conf:2: <zeo> has no key 'adress'"),
        ("address 8100\nread-only perhaps", "zeo.conf:3: 'read-only' must be"),
        ("address 8100\naddress 8101", "zeo.conf:3: 'address' has a value already"),
        ("address host:99999", "zeo.conf:2: 'address' must be"),
        ("read-only true", "zeo.conf:1: <zeo> needs a key 'address'"),
        ("address 8100\ninvalidation-queue-size -1", "zeo.conf:3: 'invalidation-queue-size' must be"),
        ("address 8100\ntransaction-timeout soon", "zeo.conf:3: 'transaction-timeout' must be"),
        ("address 8100\ninvalidation-age -2", "zeo.conf:3: 'invalidation-age' must be"),
        ("address 8100\n<ssl>\n</ssl>", "zeo.conf:3: <ssl> needs a key 'certificate'"),
        ("address 8100\npid-filename /nowhere/zeo.pid", "zeo.conf:3: 'pid-filename' must be a path in a directory"),
        ("address 8100\nmonitor-address 8101", "zeo.conf:3: 'monitor-address' was removed from ZEO 5"),
        ("address 8100\nauthentication-protocol digest", "zeo.conf:3: 'authentication-protocol' was removed"),
        ("address 8100\n<tls>\n</tls>", "zeo.conf:3: <zeo> takes no section <tls>"),
    ]) func aFaultOfTheServerSectionIsToldWithItsLine(_ lines: String, _ sentence: String) async throws {
        try await ZEOConf.inDirectory { file in
            let fault = try file.fault(ZEOConf.zeo(lines))
            #expect(fault.hasPrefix(sentence), "\(fault)")
        }
    }

    @Test(arguments: [
        ("<mappingstorage>\n</mappingstorage>", "zeo.conf:1: the configuration needs a section <zeo>"),
        ("<zeo>\naddress 1\n</zeo>", "zeo.conf:1: there is no storage to serve"),
        ("<zeo>\naddress 1\n</zeo>\n<zoe>\n</zoe>", "zeo.conf:4: the configuration takes no section <zoe>"),
        ("<zeo>\naddress 1\n</zeo>\n<zeo>\naddress 2\n</zeo>", "zeo.conf:4: a second <zeo>"),
        ("address 8100\n<zeo>\naddress 1\n</zeo>", "zeo.conf:1: the configuration has no key 'address'"),
        ("<zeo>\naddress 1\n", "zeo.conf:"),
    ]) func aFaultBetweenTheSectionsIsToldWithItsLine(_ text: String, _ sentence: String) async throws {
        try await ZEOConf.inDirectory { file in
            let fault = try file.fault(text)
            #expect(fault.hasPrefix(sentence), "\(fault)")
        }
    }

    @Test func aFileThatIsNotThereIsNamed() throws {
        let reason = try #require(throws: StopReason.self) {
            try ServeCommand.parse(["-C", "/nowhere/zeo.conf"]).runConfiguration(environment: [:])
        }
        #expect(reason.kind == .configuration)
        #expect(reason.description.hasPrefix("/nowhere/zeo.conf: cannot be read: No such file"))
    }

    // MARK: Imports

    @Test func packagesWhoseSectionsAreKnownCanBeImported() async throws {
        try await ZEOConf.inDirectory { file in
            let imports = "%import zc.zkzeo\n%import ZEO\n"
            let run = try file.read(
                imports + ZEOConf.zeo("address 8100") + "<runner>\nprogram bin/zkrunzeo\n</runner>\n"
            )
            #expect(run.storages.map(\.name) == ["1"])
            let fault = try file.fault("%import ZEO\n%import relstorage\n" + ZEOConf.zeo("address 8100"))
            #expect(fault.hasPrefix("zeo.conf:2: the Python package 'relstorage' cannot be imported"), "\(fault)")
        }
    }

    // MARK: Storages

    @Test func storagesHaveTheNamesOfTheirSections() async throws {
        try await ZEOConf.inDirectory { file in
            let run = try file.read(
                """
                <zeo>
                  address 8100
                </zeo>
                <filestorage main>
                  path \(file.directory)/Data.fs
                </filestorage>
                <filestorage>
                  path \(file.directory)/Other.fs
                  read-only true
                </filestorage>
                <mappingstorage temporary>
                </mappingstorage>
                """
            )
            #expect(run.storages.map(\.name) == ["main", "1", "temporary"])
            #expect(run.storages.map(\.file) == [file.directory + "/Data.fs", nil, nil])
        }
    }

    @Test(arguments: [
        ("<mappingstorage a>\n</mappingstorage>\n<mappingstorage a>\n</mappingstorage>", "zeo.conf:6: "),
        ("<mappingstorage 1>\n</mappingstorage>\n<mappingstorage>\n</mappingstorage>", "zeo.conf:6: "),
        ("<filestorage>\npath /nowhere/at/all/Data.fs\n</filestorage>", "zeo.conf:5: 'path' must be"),
        ("<filestorage>\n</filestorage>", "zeo.conf:4: <filestorage> needs a key 'path'"),
        ("<filestorage>\npath Data.fs\npacker p\n</filestorage>", "zeo.conf:6: 'packer'"),
    ]) func aFaultOfAStorageIsToldWithItsLine(_ storages: String, _ sentence: String) async throws {
        try await ZEOConf.inDirectory { file in
            let fault = try file.fault("<zeo>\naddress 8100\n</zeo>\n" + storages)
            #expect(fault.hasPrefix(sentence), "\(fault)")
        }
    }

    // MARK: The command line

    @Test func theCommandLineWinsOverTheFile() async throws {
        try await ZEOConf.inDirectory { file in
            let run = try file.read(
                ZEOConf.zeo("address 8100\ntransaction-timeout 5\npid-filename file.pid"),
                ["-a", "[::1]:9000", "-t", "2.5", "--pid-file", "line.pid"]
            )
            #expect(run.server.address == .hostname("::1", port: 9000))
            #expect(run.server.transactionTimeout == .milliseconds(2500))
            #expect(run.pidFile == "line.pid")
        }
    }

    @Test func theFilesOfTheCommandLineTakeThePlaceOfTheStorages() async throws {
        try await ZEOConf.inDirectory { file in
            let run = try file.read(ZEOConf.zeo("address 8100"), ["-f", "a.fs", "-f", "b.fs"])
            #expect(run.storages.map(\.name) == ["1", "2"])
            #expect(run.storages.map(\.file) == ["a.fs", "b.fs"])
        }
    }

    @Test func anAddressAndAFileNeedNoConfiguration() throws {
        let run = try ServeCommand.parse(["-a", "8100", "-f", "a.fs", "--filename", "b.fs"])
            .runConfiguration(environment: [:])
        #expect(run.server == ZEOServerConfiguration(address: .hostname("", port: 8100)))
        #expect(run.storages.map(\.name) == ["1", "2"])
        #expect(run.storages.map(\.file) == ["a.fs", "b.fs"])
        #expect(run.registration == nil)
        #expect(run.pidFile == nil)
    }

    @Test(arguments: [
        [], ["-a", "8100"], ["-f", "a.fs"], ["-a", "host:99999", "-f", "a.fs"], ["-a", "", "-f", "a.fs"],
        ["-a", "8100", "-f", "a.fs", "-t", "nan"], ["-a", "8100", "-f", "a.fs", "-t", "inf"],
        ["-a", "8100", "-f", "a.fs", "--timeout=-1"], ["-a", "8100", "-f", "a.fs", "-t", "1e300"],
    ]) func aCommandLineThatMeansNothingIsRefused(_ arguments: [String]) throws {
        let reason = try #require(throws: StopReason.self) {
            try ServeCommand.parse(arguments).runConfiguration(environment: [:])
        }
        #expect(reason.kind == .usage)
    }

    @Test func theEnvironmentIsAsked() async throws {
        try await ZEOConf.inDirectory { file in
            let text = ZEOConf.zeo("address 8100")
            let run = try file.read(text, environment: ["ZEO_MSGPACK": "1", "INSTANCE_HOME": "/srv/zeo"])
            #expect(run.server.wireFormat == .messagePack)
            #expect(run.pidFile == "/srv/zeo/var/ZEO.pid")
            let unset = try file.read(text, environment: ["ZEO_MSGPACK": ""])
            #expect(unset.server.wireFormat == .pickle)
            let named = try file.read(
                ZEOConf.zeo("address 8100\npid-filename own.pid"),
                environment: ["INSTANCE_HOME": "/srv/zeo"]
            )
            #expect(named.pidFile == "own.pid")
        }
    }
}
