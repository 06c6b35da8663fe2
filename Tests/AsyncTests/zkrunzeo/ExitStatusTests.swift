//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// How the command ends when it cannot do what it was asked to, and what it says then.
@Suite(.timeLimit(.minutes(1))) struct ExitStatusTests {
    @Test func aWrongConfigurationIsToldWithFileAndLine() async throws {
        try await withTemporaryDirectory { directory in
            let process = try zkrunzeo(configuration: ZEOConf.zeo("address 8100\nreed-only true"), in: directory)
            try await expectEnd(of: process, status: 78, saying: "zkrunzeo: zeo.conf:3: <zeo> has no key 'reed-only'")
        }
    }

    @Test func aStorageInADirectoryThatIsNotThereCannotBeOpened() async throws {
        try await withTemporaryDirectory { directory in
            let named = try zkrunzeo(
                configuration:
                    "<zeo>\naddress 127.0.0.1\n</zeo>\n<filestorage>\npath missing/Data.fs\n</filestorage>\n",
                in: directory
            )
            try await expectEnd(of: named, status: 78, saying: "zeo.conf:5: 'path' must be", "missing")
            let given = try zkrunzeo(["-a", "127.0.0.1", "-f", "missing/Data.fs"], in: directory)
            try await expectEnd(
                of: given,
                status: 66,
                saying: "zkrunzeo: storage '1' cannot be opened",
                "missing/Data.fs"
            )
        }
    }

    @Test func aStorageThatAnotherServerHasOpenIsLeftAlone() async throws {
        try await withTemporaryDirectory { directory in
            let first = try zkrunzeo(["-a", "127.0.0.1", "-f", "Data.fs"], in: directory)
            try await first.line(containing: "listening on")
            let second = try zkrunzeo(["-a", "127.0.0.1", "-f", "Data.fs", "--pid-file", "second.pid"], in: directory)
            try await expectEnd(of: second, status: 66, saying: "by process \(first.pid)")
            #expect(!FileManager.default.fileExists(atPath: directory + "/second.pid"))
            first.signal(SIGTERM)
            #expect(try await first.exitStatus() == 0)
        }
    }

    @Test func anAddressThatIsTakenIsNamed() async throws {
        try await withTemporaryDirectory { directory in
            let first = try await RunningServer.start(Self.unregistered("127.0.0.1"), in: directory)
            let address = "127.0.0.1:\(first.port)"
            let second = try zkrunzeo(["-a", address, "-f", "Other.fs", "--pid-file", "second.pid"], in: directory)
            try await expectEnd(of: second, status: 71, saying: "zkrunzeo: ", "cannot listen at \(address)")
            #expect(!FileManager.default.fileExists(atPath: directory + "/second.pid"))
            #expect(try await first.stop() == 0)
        }
    }

    @Test(arguments: [
        [], ["-a", "8100"], ["-f", "Data.fs"], ["-a", "host:99999", "-f", "Data.fs"], ["--unknown"], ["-C"],
        ["-a", "8100", "-f", "Data.fs", "-t", "soon"], ["demo", "--zookeeper-port", "many"],
    ]) func aCommandLineThatMeansNothingEndsWithItsOwnStatus(_ arguments: [String]) async throws {
        try await withTemporaryDirectory { directory in
            let output = try await expectEnd(of: zkrunzeo(arguments, in: directory), status: 64)
            #expect(!output.isEmpty)
            #expect(!FileManager.default.fileExists(atPath: directory + "/Data.fs"))
        }
    }

    @Test func aFileThatCannotBeCreatedIsNamed() async throws {
        try await withTemporaryDirectory { directory in
            let process = try zkrunzeo(
                ["-a", "127.0.0.1", "-f", "Data.fs", "--pid-file", "missing/zeo.pid"],
                in: directory
            )
            try await expectEnd(of: process, status: 73, saying: "zkrunzeo: cannot write the pid file missing/zeo.pid")
        }
    }

    @Test func theVersionIsTold() async throws {
        try await withTemporaryDirectory { directory in
            let version = try await expectEnd(of: zkrunzeo(["--version"], in: directory), status: 0)
            #expect(version.split(separator: ".").count == 3, "\(version)")
        }
    }

    @Test(arguments: [["--help"], ["serve", "--help"], ["demo", "--help"]])
    func helpTellsTheExitStatuses(_ arguments: [String]) async throws {
        try await withTemporaryDirectory { directory in
            let help = try await expectEnd(of: zkrunzeo(arguments, in: directory), status: 0, saying: "EXIT STATUS")
            for status in ["0 ", "1 ", "64", "66", "69", "70", "71", "73", "78"] {
                #expect(help.contains("  \(status)  "), "\(status)")
            }
        }
    }

    /// A server of `Data.fs` that is not registered.
    static func unregistered(_ address: String, _ lines: String = "") -> String {
        "<zeo>\naddress \(address)\n\(lines)\n</zeo>\n<filestorage>\npath Data.fs\n</filestorage>\n"
    }
}
