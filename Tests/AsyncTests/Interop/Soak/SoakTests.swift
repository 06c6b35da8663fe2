//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import Testing
import ZEOProtocol
import ZODBFormat

/// A server that serves for long: clients of all kinds come and go, and packs go on beside them.
struct SoakTests {
    /// `ZKZEO_SOAK_CALLS` asks for so many calls, of 50 clients that connect 200 times more, with 20 packs.
    private static let more = ProcessInfo.processInfo.environment["ZKZEO_SOAK_CALLS"].flatMap { Int($0) }

    private static let plan =
        Self.more.map { SoakPlan(calls: $0, clients: 50, reconnections: 200, packs: 20, objects: 2000) }
        ?? SoakPlan(calls: 4000, clients: 8, reconnections: 16, packs: 2, objects: 200)

    @Test(.timeLimit(.minutes(Self.more == nil ? 1 : 120)))
    func aServerThatServesForLongNeitherGrowsNorKeepsWhatItOpened() async throws {
        try await withTemporaryDirectory { directory in
            let server = try await RunningServer.start(
                """
                <zeo>
                  address 127.0.0.1
                </zeo>
                <filestorage>
                  path Data.fs
                  blob-dir blobs
                </filestorage>
                """,
                in: directory
            )
            let process = ServerProcess(server.process.pid)
            let plan = Self.plan
            let before = try process.descriptorCount()
            try await SoakClient.fill(port: server.port, plan)

            let progress = SoakProgress(plan)
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                for number in 0..<plan.clients {
                    tasks.addTask { try await SoakClient.run(number, port: server.port, plan, progress) }
                }
                tasks.addTask { try await SoakClient.pack(port: server.port, plan, progress) }
                tasks.addTask { try await progress.sample { try process.memory() } }
                try await tasks.waitForAll()
            }

            try await eventually("as many descriptors are open as in the beginning") {
                try process.descriptorCount() == before
            }
            let (early, late) = (progress.memory(inTenth: 1), progress.memory(inTenth: 9))
            print("soak: \(progress.summary), seed \(TestSeed.value)")
            print("soak: \(early) KiB in the second tenth, \(late) KiB in the last, \(before) descriptors")
            // A server that has just begun has not had all that it needs.
            #expect(late * 100 <= early * (Self.more == nil ? 150 : 110))
            #expect(progress.packCount == plan.packs)
            #expect(try await server.stop() == 0)
            // That many wait for the commit lock is said loudly, and is what is to be expected here.
            let fault = server.process.lines.first { line in
                (line.contains(" ERROR ") || line.contains(" CRITICAL ")) && !line.contains("transactions waiting")
            }
            #expect(fault == nil)
        }
    }
}

/// What the system says of a server's process.
private struct ServerProcess: Sendable {
    private let folder: String

    init(_ pid: Int32) {
        self.folder = "/proc/\(pid)"
    }

    /// How many files and sockets are open.
    func descriptorCount() throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: self.folder + "/fd").count
    }

    /// How much memory it has, in KiB.
    func memory() throws -> Int {
        let status = try String(contentsOfFile: self.folder + "/status", encoding: .utf8)
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        return line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) } ?? 0
    }
}
