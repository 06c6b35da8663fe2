//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import NIOPosix
import Testing
import ZKTestServer

/// What options and keys do, as seen from outside of a server's process.
@Suite(.timeLimit(.minutes(1))) struct ServeOptionsTests {
    // MARK: As runzeo does

    @Test func aTestEndsAsSoonAsTheServerListens() async throws {
        try await withTemporaryDirectory { directory in
            let output = try await expectEnd(of: zkrunzeo(["-a:0", "-ft", "--test"], in: directory), status: 0)
            let process = output.matches(of: /\((\d+)\)/).first.map { String($0.output.1) } ?? ""
            let lines = output.split(separator: "\n").filter { $0 != "------" }.map { line in
                line.contains(" INFO ") ? line.drop { $0 != " " }.dropFirst() : line
            }
            let expected = [
                "INFO ZEO.runzeo (\(process)) opening storage '1' using FileStorage",
                "INFO ZEO.StorageServer StorageServer created RW with storages: 1:RW:t",
                "INFO ZEO.asyncio.server listening on",
                "testing exit immediately",
                "INFO ZEO.StorageServer closing storage '1'",
            ]
            for (line, beginning) in zip(lines, expected) { #expect(line.hasPrefix(beginning), "\(output)") }
            #expect(lines.count >= expected.count)
        }
    }

    @Test(arguments: [
        ["-C", "zeo.conf"], ["-Czeo.conf"], ["--configure", "zeo.conf"], ["--configure=zeo.conf"], ["--conf=zeo.conf"],
        ["--add", ":0", "--file=a.fs"], ["-C", "file://zeo.conf"],
    ]) func optionsAreWrittenInAllOfTheirForms(_ arguments: [String]) async throws {
        try await withTemporaryDirectory { directory in
            try ExitStatusTests.unregistered("127.0.0.1")
                .write(toFile: directory + "/zeo.conf", atomically: true, encoding: .utf8)
            try await expectEnd(of: zkrunzeo(arguments + ["--te"], in: directory), status: 0, saying: "listening on")
        }
    }

    @Test func keysAreGivenOtherValuesOnTheCommandLine() async throws {
        try await withTemporaryDirectory { directory in
            let text =
                "<zeo>\naddress 127.0.0.1\nread-only no\n</zeo>\n<filestorage main>\npath Data.fs\n</filestorage>"
            try text.write(toFile: directory + "/zeo.conf", atomically: true, encoding: .utf8)
            let file = ["-C", "zeo.conf", "--test"]
            try await expectEnd(
                of: zkrunzeo(file + ["-X", "zeo/read-only=yes", "-Xmain/path=Other.fs"], in: directory),
                status: 0,
                saying: "StorageServer created RO with storages: main:RW:Other.fs"
            )
            try await expectEnd(
                of: zkrunzeo(file + ["-X", "zeo/reed-only=yes"], in: directory),
                status: 78,
                saying: "<zeo> has no key 'reed-only'; did you mean 'read-only'?"
            )
            try await expectEnd(
                of: zkrunzeo(file + ["-X", "other/path=x"], in: directory),
                status: 78,
                saying: "-X other/…: the configuration has 0 sections of that name or type"
            )
            try await expectEnd(
                of: zkrunzeo(file + ["-X", "zeo"], in: directory),
                status: 78,
                saying: "-X zeo: expected"
            )
            try await expectEnd(of: zkrunzeo(["-a0", "-fx", "-X", "zeo/a=b"], in: directory), status: 64)
        }
    }

    // MARK: Addresses

    @Test(arguments: [
        ("8100", "listening on ('::', "), (":8100", "listening on ('::', "),
        ("127.0.0.1: 8100", "listening on ('127.0.0.1', "),
        ("[::1]:8100", "listening on ('::1', "), ("0.0.0.0:8100", "listening on ('0.0.0.0', "),
        ("./zeo.sock", "listening on ./zeo.sock"), ("run/zeo.sock", "listening on run/zeo.sock"),
    ]) func anAddressIsListenedAt(_ address: String, _ line: String) async throws {
        try await withTemporaryDirectory { directory in
            try FileManager.default.createDirectory(atPath: directory + "/run", withIntermediateDirectories: true)
            let address = address.replacing("8100", with: "\(try freePort())")
            let process = try zkrunzeo(configuration: ExitStatusTests.unregistered(address), in: directory)
            try await process.line(containing: line)
            process.signal(SIGTERM)
            #expect(try await process.exitStatus() == 0)
        }
    }

    // MARK: The wire

    @Test(arguments: [
        ("", "", "Z5"), ("", "1", "M5"), ("msgpack true", "", "M5"), ("msgpack false", "1", "Z5"),
    ]) func theFileSaysWhichFormatIsSpokenAndElseTheEnvironment(_ key: String, _ variable: String, _ first: String)
        async throws
    {
        try await withTemporaryDirectory { directory in
            let server = try await RunningServer.start(
                ExitStatusTests.unregistered("127.0.0.1", key),
                in: directory,
                environment: ["ZEO_MSGPACK": variable]
            )
            let said = try await greeting { try await $0.connect(host: "127.0.0.1", port: server.port).get() }
            #expect(said == [0, 0, 0, 2] + Array(first.utf8))
            #expect(try await server.stop() == 0)
        }
    }

    // MARK: Signals

    @Test func aHangUpAsksToBeStartedAnew() async throws {
        try await withTemporaryDirectory { directory in
            let server = try await RunningServer.start(ExitStatusTests.unregistered("127.0.0.1"), in: directory)
            server.process.signal(SIGHUP)
            #expect(try await server.process.exitStatus() == 1)
            #expect(server.process.output.contains("restarted by SIGHUP"))
            #expect(server.process.output.contains("closing storage '1'"))
        }
    }

    @Test func logFilesAreOpenedAnew() async throws {
        try await withTemporaryDirectory { directory in
            let process = try zkrunzeo(
                configuration: ExitStatusTests.unregistered("127.0.0.1")
                    + "<eventlog>\n<logfile>\npath l\n</logfile>\n<logfile>\npath r\nmax-size 1mb\nold-files 3\n"
                    + "</logfile>\n</eventlog>",
                in: directory
            )
            func log(_ name: String) -> String {
                (try? String(contentsOfFile: directory + "/" + name, encoding: .utf8)) ?? ""
            }
            try await eventually("it listens") {
                log("l").contains("listening on") && log("r").contains("listening on")
            }
            let before = log("l")
            try FileManager.default.moveItem(atPath: directory + "/l", toPath: directory + "/o")
            process.signal(SIGUSR2)
            try await eventually("a new log") { log("l").contains("Log files reopened successfully") }
            #expect(log("o") == before)
            #expect(log("r.1") == before)
            try await eventually("the other log") { log("r").contains("Log files reopened successfully") }
            #expect(!log("r").contains("listening on"))
            process.signal(SIGTERM)
            #expect(try await process.exitStatus() == 0)
            #expect(log("l").contains("terminated by SIGTERM"))
            #expect(process.output.isEmpty, "\(process.output)")
        }
    }

    @Test func withoutAnEventLogThereIsNothingToOpenAnew() async throws {
        try await withTemporaryDirectory { directory in
            let server = try await RunningServer.start(ExitStatusTests.unregistered("127.0.0.1"), in: directory)
            server.process.signal(SIGUSR2)
            try await server.process.line(containing: "received SIGUSR2, but it was not handled!")
            #expect(try await server.stop() == 0)
        }
    }

    // MARK: Files

    @Test func aPIDFileThatIsOnlyGuessedMayFail() async throws {
        try await withTemporaryDirectory { directory in
            let configuration = ExitStatusTests.unregistered("127.0.0.1")
            let instance = ["INSTANCE_HOME": directory]
            let without = try await RunningServer.start(configuration, in: directory, environment: instance)
            #expect(without.process.output.contains("PID file '\(directory)/var/ZEO.pid' cannot be opened"))
            #expect(try await without.stop() == 0)
            try FileManager.default.createDirectory(atPath: directory + "/var", withIntermediateDirectories: true)
            let with = try await RunningServer.start(configuration, in: directory, environment: instance)
            let text = try String(contentsOfFile: directory + "/var/ZEO.pid", encoding: .utf8)
            #expect(text == "\(with.process.pid)\n")
            #expect(try await with.stop() == 0)
            #expect(!FileManager.default.fileExists(atPath: directory + "/var/ZEO.pid"))
        }
    }

    // MARK: ZooKeeper

    @Test func aCredentialThatZooKeeperRefusesEndsTheServer() async throws {
        try await withRegistry { zooKeeper in
            try await withTemporaryDirectory { directory in
                let process = try zkrunzeo(
                    configuration: "<zookeeper>\nconnection \(zooKeeper.connectionString)\npath /databases/demo\n"
                        + "auth kerberos:me\n</zookeeper>\n" + ExitStatusTests.unregistered("127.0.0.1"),
                    in: directory
                )
                try await expectEnd(
                    of: process,
                    status: 69,
                    saying: "ZooKeeper (\(zooKeeper.connectionString)) refused a credential of 'auth' in <zookeeper>"
                )
            }
        }
    }
}
