//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import ZKZEOAsync

@testable import ZODBStorage
@testable import zkrunzeo

/// `zkrunzeo copy` and `zkrunzeo pack`.
@Suite(.timeLimit(.minutes(1))) struct CopyCommandTests {
    private static func tids(_ path: String) async throws -> [String] {
        try await PythonDump(of: path).transactions.map(\.tid)
    }

    @Test func aFileIsCopiedAndTheCopyContinued() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/Data.fs"
            try await runPython("filestorage.py", ["make", path])
            let copy = try zkrunzeo(["copy", "Data.fs", "Copy.fs"], in: directory)
            try await expectEnd(of: copy, status: 0, saying: "copied and compared")
            let (original, copied) = (try await PythonDump(of: path), try await PythonDump(of: directory + "/Copy.fs"))
            #expect(copied.transactions.map(\.tid) == original.transactions.map(\.tid))
            #expect(copied.transactions.map(\.extension) == original.transactions.map(\.extension))
            #expect(copied.objects.mapValues { $0.map(\.data) } == original.objects.mapValues { $0.map(\.data) })
            try await runPython("filestorage.py", ["check", directory + "/Copy.fs"])
            try await expectEnd(of: zkrunzeo(["fs", "check", "Copy.fs"], in: directory), status: 0)

            try await runPython("filestorage.py", ["append", path, "3"])
            let again = try zkrunzeo(["copy", "Data.fs", "Copy.fs"], in: directory)
            try await expectEnd(of: again, status: 0, saying: "Copy.fs: 3 transactions, 3 records")
            #expect(try await Self.tids(directory + "/Copy.fs") == Self.tids(path))
            let nothing = try zkrunzeo(["copy", "Data.fs", "Copy.fs"], in: directory)
            try await expectEnd(of: nothing, status: 0, saying: "Copy.fs: 0 transactions")

            try await runPython("filestorage.py", ["few", directory + "/Other.fs"])
            let foreign = try zkrunzeo(["copy", "Data.fs", "Other.fs"], in: directory)
            try await expectEnd(of: foreign, status: 66, saying: "it is no earlier copy of it")
            let itself = try zkrunzeo(["copy", "Data.fs", "Data.fs"], in: directory)
            try await expectEnd(of: itself, status: 64, saying: "into itself")
            let missing = try zkrunzeo(["copy", "Missing.fs", "New.fs"], in: directory)
            try await expectEnd(of: missing, status: 66, saying: "there is no file Missing.fs")
            #expect(!FileManager.default.fileExists(atPath: directory + "/New.fs"))
        }
    }

    @Test func storagesAreNamedByTheirSections() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/Data.fs"
            try await runPython("filestorage.py", ["few", path])
            let sections = """
                <zeo>
                address 127.0.0.1
                </zeo>
                <filestorage old>
                path Data.fs
                </filestorage>
                <zodb new>
                <filestorage>
                path New.fs
                </filestorage>
                </zodb>
                """
            try sections.write(toFile: directory + "/zeo.conf", atomically: true, encoding: .utf8)
            let copy = try zkrunzeo(["copy", "zeo.conf#old", "zeo.conf#new"], in: directory)
            try await expectEnd(of: copy, status: 0, saying: "copied and compared")
            #expect(try await Self.tids(directory + "/New.fs") == Self.tids(path))
            for (name, words) in [
                ("zeo.conf", "say which one"), ("zeo.conf#none", "'old', 'new'"), ("no.conf", "no.conf"),
            ] {
                try await expectEnd(of: zkrunzeo(["copy", name, "X.fs"], in: directory), status: 78, saying: words)
            }
        }
    }

    @Test func aClosedFileIsPacked() async throws {
        try await withTemporaryDirectory { directory in
            try await runPython("filestorage.py", ["few", directory + "/Data.fs"])
            try await expectEnd(
                of: zkrunzeo(["pack", "Data.fs", "--days", "1"], in: directory),
                status: 0,
                saying: "packed"
            )
            #expect(try await Self.tids(directory + "/Data.fs").count == 11)
            try await expectEnd(of: zkrunzeo(["pack", "Data.fs"], in: directory), status: 0, saying: "bytes now")
            #expect(try await Self.tids(directory + "/Data.fs").count < 11)
            try await expectEnd(of: zkrunzeo(["fs", "check", "--references", "Data.fs"], in: directory), status: 0)
            try await expectEnd(of: zkrunzeo(["pack", "Missing.fs"], in: directory), status: 66, saying: "Missing.fs")
            let server = try zkrunzeo(["-a", "127.0.0.1", "-f", "Data.fs"], in: directory)
            try await server.line(containing: "listening on")
            try await expectEnd(
                of: zkrunzeo(["pack", "Data.fs"], in: directory),
                status: 75,
                saying: "by process \(server.pid)"
            )
            server.signal(SIGTERM)
            #expect(try await server.exitStatus() == 0)
        }
    }

    @Test func aRunningServerIsCopiedFromAndToAndPacked() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/Data.fs"
            try await runPython("filestorage.py", ["make", path])
            let tids = try await Self.tids(path)
            let python = try await RunZEO.start(in: directory)
            let address = "127.0.0.1:\(try freePort())"
            let ours = try zkrunzeo(["-a", address, "-f", "Served.fs"], in: directory)
            try await ours.line(containing: "listening on")
            try await expectEnd(
                of: zkrunzeo(["copy", "\(python.address)", address], in: directory),
                status: 0,
                saying: "copied and compared"
            )
            try await python.stop()
            try await expectEnd(
                of: zkrunzeo(["copy", address, "Back.fs"], in: directory),
                status: 0,
                saying: "copied and compared"
            )
            #expect(try await Self.tids(directory + "/Back.fs") == tids)
            // A pack by the server, which refuses this file: in it a reference leads nowhere.
            let refused = try zkrunzeo(["pack", address], in: directory)
            try await expectEnd(of: refused, status: 66, saying: "POSKeyError")
            ours.signal(SIGTERM)
            #expect(try await ours.exitStatus() == 0)

            try await runPython("filestorage.py", ["few", directory + "/Few.fs"])
            let few = try zkrunzeo(["-a", address, "-f", "Few.fs"], in: directory)
            try await few.line(containing: "listening on")
            try await expectEnd(of: zkrunzeo(["pack", address], in: directory), status: 0, saying: "packed")
            few.signal(SIGTERM)
            #expect(try await few.exitStatus() == 0)
            #expect(try await Self.tids(directory + "/Few.fs").count < 11)
            let gone = try zkrunzeo(["pack", address], in: directory)
            try await expectEnd(of: gone, status: 69)
        }
    }

    @Test func storagesAreNamedInManyWays() throws {
        func endpoint(_ text: String) throws -> StorageEndpoint { try StorageEndpoint(text) }
        #expect(try endpoint("Data.fs") == .file("Data.fs"))
        #expect(try endpoint("/var/Data.fs") == .file("/var/Data.fs"))
        #expect(try endpoint("zeo.conf") == .section(file: "zeo.conf", name: nil))
        #expect(try endpoint("a/zeo.conf#main") == .section(file: "a/zeo.conf", name: "main"))
        #expect(try endpoint("host:8100") == .server(.init(host: "host", port: 8100), storage: "1"))
        #expect(try endpoint("[::1]:8100#main") == .server(.init(host: "::1", port: 8100), storage: "main"))
        #expect(
            try endpoint("zk://a:2181,b:2181/databases/demo#x")
                == .registered(zooKeeper: "a:2181,b:2181", path: "/databases/demo", storage: "x")
        )
        #expect(throws: StopReason.self) { try endpoint("zk://a:2181") }
    }
}
