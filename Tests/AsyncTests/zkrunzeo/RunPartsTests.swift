//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import zkrunzeo

/// The small parts of a run: advertised hosts, the instance's token, the pid file.
@Suite struct RunPartsTests {
    // MARK: Advertised hosts

    private static let loopback = [
        AdvertisedHosts.InterfaceAddress(host: "127.0.0.1", isLoopback: true, isIPv4: true),
        AdvertisedHosts.InterfaceAddress(host: "::1", isLoopback: true, isIPv4: false),
    ]
    private static let ipv6 = [AdvertisedHosts.InterfaceAddress(host: "2001:db8::7", isLoopback: false, isIPv4: false)]
    private static let ipv4 = ["192.0.2.9", "192.0.2.10", "192.0.2.9"].map {
        AdvertisedHosts.InterfaceAddress(host: $0, isLoopback: false, isIPv4: true)
    }

    @Test(arguments: ["", "0.0.0.0", "::"]) func aHostThatMeansAllStandsForEachIPv4Address(_ host: String) {
        func names(_ interfaces: [AdvertisedHosts.InterfaceAddress]) -> [String] {
            AdvertisedHosts.names(listeningAt: host, interfaces: interfaces) { "db.example.com" }
        }
        #expect(names(Self.loopback + Self.ipv6 + Self.ipv4) == ["192.0.2.10", "192.0.2.9"])
        #expect(names(Self.loopback + Self.ipv6) == ["db.example.com"])
        #expect(names(Self.loopback) == ["127.0.0.1"])
        #expect(names([]) == ["127.0.0.1"])
    }

    @Test(arguments: ["127.0.0.1", "::1", "db.example.com", "2001:db8::7"])
    func anyOtherHostIsRegisteredAsItWasWritten(_ host: String) {
        let names = AdvertisedHosts.names(listeningAt: host, interfaces: Self.loopback + Self.ipv4) {
            Issue.record("nobody wants to know the name")
            return ""
        }
        #expect(names == [host])
    }

    @Test func theInterfacesOfThisMachineAreKnown() throws {
        let interfaces = try AdvertisedHosts.interfaces()
        #expect(interfaces.contains(.init(host: "127.0.0.1", isLoopback: true, isIPv4: true)))
        #expect(interfaces.allSatisfy { $0.isLoopback == ($0.host.hasPrefix("127.") || $0.host == "::1") })
        #expect(!AdvertisedHosts.fullHostName().isEmpty)
    }

    // MARK: Instance

    @Test func aStorageKeepsItsInstanceTokenThroughRestarts() async throws {
        try await withTemporaryDirectory { directory in
            let token = try InstanceToken.ofStorage(at: directory + "/Data.fs")
            #expect(!token.isEmpty)
            #expect(try InstanceToken.ofStorage(at: directory + "/Data.fs") == token)
            #expect(try InstanceToken.ofStorage(at: directory + "/Other.fs") != token)
        }
    }

    @Test func anEmptyInstanceFileGetsANewToken() async throws {
        try await withTemporaryDirectory { directory in
            try "\n".write(toFile: directory + "/Data.fs.instance", atomically: true, encoding: .utf8)
            let token = try InstanceToken.ofStorage(at: directory + "/Data.fs")
            #expect(!token.isEmpty)
            #expect(try InstanceToken.ofStorage(at: directory + "/Data.fs") == token)
        }
    }

    @Test func anInstanceFileThatCannotBeWrittenIsNamed() throws {
        let reason = try #require(throws: StopReason.self) { try InstanceToken.ofStorage(at: "/nowhere/Data.fs") }
        #expect(reason.kind == .file)
        #expect(reason.description.hasPrefix("cannot write /nowhere/Data.fs.instance"))
    }

    // MARK: The pid file

    @Test func thePIDFileNamesThisProcessAndGoesWithIt() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/zeo.pid"
            try "12345678\n".write(toFile: path, atomically: true, encoding: .utf8)
            try PIDFile.write(to: path)
            #expect(try String(contentsOfFile: path, encoding: .utf8) == "\(getpid())\n")
            PIDFile.remove(path)
            #expect(!FileManager.default.fileExists(atPath: path))
        }
    }

    @Test func thePIDFileOfAnotherProcessStays() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/zeo.pid"
            PIDFile.remove(path)
            try "12345678\n".write(toFile: path, atomically: true, encoding: .utf8)
            PIDFile.remove(path)
            #expect(FileManager.default.fileExists(atPath: path))
        }
    }

    @Test func aPIDFileThatCannotBeWrittenIsNamed() throws {
        let reason = try #require(throws: StopReason.self) { try PIDFile.write(to: "/nowhere/zeo.pid") }
        #expect(reason.kind == .file)
        #expect(reason.description == "cannot write the pid file /nowhere/zeo.pid: No such file or directory")
    }
}
