//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import ZEOAsyncServer
import ZKTestServer
import ZKZEOAsync

/// The Nagios plug-in beside Python's, against Python's server and ours.
@Suite(.timeLimit(.minutes(1))) struct NagiosTests {
    /// What a plug-in printed, and its exit status.
    struct Outcome: Equatable {
        var text: String
        var status: Int32
    }

    private static func ours(_ arguments: [String], in directory: String) async throws -> Outcome {
        let process = try zkrunzeo(["nagios"] + arguments, in: directory)
        let status = try await process.exitStatus()
        return Outcome(text: process.output, status: status)
    }

    /// Python's plug-in, by `nagios.py`, whose last line is its exit status.
    private static func python(_ arguments: [String]) async throws -> Outcome {
        var lines = try await runPython("nagios.py", arguments).split(separator: "\n", omittingEmptySubsequences: false)
        let status = Int32(lines.removeLast()) ?? -1
        return Outcome(text: lines.joined(separator: "\n"), status: status)
    }

    /// Runs both plug-ins against a server, alternately and each with a file of its own.
    private static func compare(port: Int, in directory: String, first: Int32) async throws {
        let address = "127.0.0.1:\(port)"
        for arguments in [[address], ["-m", address]] {
            let ours = try await Self.ours(arguments, in: directory)
            #expect(ours.status == first)
            #expect(try await Self.python(arguments) == ours)
        }
        let (ourFile, theirFile) = (directory + "/ours-\(first).json", directory + "/theirs-\(first).json")
        // The counters stand still, so that rates are equal: zero.
        for _ in 1...2 {
            let ours = try await Self.ours(["-m", "-s\(ourFile)", "-u", "seconds", address], in: directory)
            #expect(try await Self.python(["-m", "-s\(theirFile)", "-u", "seconds", address]) == ours)
        }
        // Each reads the other's file.
        let ours = try await Self.ours([address, "-m", "-s", theirFile], in: directory)
        #expect(ours.text.contains("\n conflicts_resolved=0.0\n loads=0.0\n stores=0.0"), "\(ours)")
        #expect(try await Self.python([address, "-m", "-s", ourFile]) == ours)
    }

    @Test func bothSayTheSameOfOurServer() async throws {
        try await withTemporaryDirectory { directory in
            let server = try await RunningServer.start(
                """
                <zeo>
                  address 127.0.0.1
                </zeo>
                <mappingstorage>
                </mappingstorage>
                <mappingstorage second>
                </mappingstorage>
                """,
                in: directory
            )
            try await Self.compare(port: server.port, in: directory, first: 1)
            #expect(try await server.stop() == 0)
        }
    }

    @Test func bothSayTheSameOfPythonsServer() async throws {
        try await withTemporaryDirectory { directory in
            let server = try await RunZEO.start(in: directory)
            try await Self.compare(port: server.port, in: directory, first: 1)
            try await expectServing(port: server.port)
            try await Self.compare(port: server.port, in: directory, first: 0)
            try await server.stop()
        }
    }

    @Test func bothSayTheSameWhereNobodyListens() async throws {
        try await withTemporaryDirectory { directory in
            for address in ["127.0.0.1:\(try freePort())", directory + "/nothing.sock"] {
                let ours = try await Self.ours([address], in: directory)
                #expect(ours.status == 2)
                #expect(ours.text.hasPrefix("Can't connect [Errno "))
                #expect(try await Self.python([address]) == ours)
            }
        }
    }

    @Test func serversAreFoundInZooKeeperAndByTheirMonitor() async throws {
        try await withRegistry { zooKeeper in
            try await withTemporaryDirectory { directory in
                let (connection, path, socket) = (zooKeeper.connectionString, "/databases/demo", "./monitor.sock")
                let missing = Outcome(text: "Couldn't find server in ZooKeeper", status: 2)
                #expect(try await Self.ours([connection, path], in: directory) == missing)
                let noMonitor = try await Self.ours([connection, "-m", "-M" + socket, path], in: directory)
                #expect(noMonitor == Outcome(text: "Can't connect [Errno 2] No such file or directory", status: 2))

                let server = try await RunningServer.start(
                    ServeMonitorTests.configuration(zooKeeper, monitor: socket),
                    in: directory
                )
                try await zooKeeper.waitForRegistered(["127.0.0.1:\(server.port)"])
                let empty = Outcome(
                    text: "Empty storage '1'|active_txns=0\n| connections=0\n waiting=0",
                    status: 1
                )
                #expect(try await Self.ours(["-m", connection, path], in: directory) == empty)
                #expect(try await Self.ours([connection, "-m", "-M" + socket, path], in: directory) == empty)
                // Another one at the path: now only the monitor tells which is meant.
                try await withSession(connection) { session in
                    try await session.create(path + "/127.0.0.1:1", data: nil)
                    #expect(try await Self.ours([connection, path], in: directory) == missing)
                    #expect(try await Self.ours([connection, "-m", "-M" + socket, path], in: directory) == empty)
                    let stranger = Outcome(text: "No servers at: '\(socket)'", status: 2)
                    #expect(try await Self.ours([connection, "-M" + socket, "/databases"], in: directory) == stranger)
                }
                #expect(try await server.stop() == 0)
            }
        }
    }

    @Test func monitorsThatKnowTooMuchOrTooLittleAreCritical() async throws {
        try await withTemporaryDirectory { directory in
            let two = MonitorCommand("servers", summary: "Two", argumentCount: 0...1) { _ in "foo.com:1 :54568 :54568\n"
            }
            for (commands, text) in [
                ([two], "Too many servers, [':54568', 'foo.com:1'], at: './sock'"),
                ([], "Invalid command 'servers'\nTry \"help\". at './sock'"),
            ] {
                let monitor = MonitorServer(address: .unixDomainSocket(path: directory + "/sock"), commands: commands)
                let running = Task { try await monitor.run() }
                _ = try await monitor.waitUntilListening()
                let outcome = try await Self.ours(["127.0.0.1:1", "/path", "-M", "./sock"], in: directory)
                #expect(outcome == Outcome(text: text, status: 2))
                running.cancel()
                try await running.value
            }
        }
    }

    @Test func theProgramIsThePluginByItsName() async throws {
        try await withTemporaryDirectory { directory in
            let plugin = directory + "/zkzeo-nagios"
            try FileManager.default.createSymbolicLink(atPath: plugin, withDestinationPath: TestPaths.zkrunzeo)
            let check = try ChildProcess(plugin, ["./nothing.sock"], directory: directory)
            #expect(try await check.exitStatus() == 2)
            #expect(check.output == "Can't connect [Errno 2] No such file or directory")
            let usage = try ChildProcess(plugin, ["-u", "years", "./nothing.sock"], directory: directory)
            #expect(try await usage.exitStatus() == 2)
            #expect(usage.output.contains("years"))
            let help = try ChildProcess(plugin, ["--help"], directory: directory)
            #expect(try await help.exitStatus() == 0)
            #expect(help.output.contains("EXIT STATUS"))
        }
    }
}
