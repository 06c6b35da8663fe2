//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import Synchronization

/// Loads objects from a ZEO server as fast as it gives them, and says what that cost the server.
@main
struct ZEOLoad: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "zeoload",
        abstract: "Loads from, or commits to, a ZEO server on this machine; prints rate and server CPU per operation."
    )

    @Option(help: "The server's port on the loopback interface.")
    var port: UInt16

    @Option(help: "The server's process, whose CPU time is read.")
    var pid: Int32

    @Option(help: "Objects 1 to this number are loaded, again and again.")
    var objects: UInt64 = 10_000

    @Option(help: "Connections, a thread each.")
    var connections = 4

    @Option(help: "Requests on their way in each connection; 1 is one at a time.")
    var depth = 64

    @Option(help: "How many loads or commits each connection makes.")
    var loads = 50_000

    @Flag(help: "Send pings in place of loads: what the conversation costs without the storage.")
    var pings = false

    @Flag(help: "Commit transactions of one object of 300 bytes in place of loads.")
    var commits = false

    func run() throws {
        let opened = try (0..<self.connections).map { _ in try BlockingConnection(port: self.port) }
        let before = try self.cpu()
        let start = ContinuousClock.now
        let failures = Mutex<[any Error]>([])
        let bytes = Mutex(0)
        let threads = opened.enumerated().map { index, connection in
            nonisolated(unsafe) let connection = connection
            let done = DispatchSemaphore(value: 0)
            Thread.detachNewThread {
                do {
                    let received =
                        try self.commits ? self.commit(connection) : self.load(connection, from: UInt64(index) * 997)
                    bytes.withLock { $0 += received }
                } catch {
                    failures.withLock { $0.append(error) }
                }
                done.signal()
            }
            return done
        }
        for thread in threads { thread.wait() }
        if let failure = failures.withLock({ $0.first }) { throw failure }
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        let cpu = try self.cpu() - before
        let total = Double(self.connections * self.loads)
        print(
            String(
                format: "{\"per_second\": %.0f, \"cpu_us\": %.2f, \"seconds\": %.3f, \"bytes_each\": %.0f}",
                total / seconds,
                cpu / total * 1e6,
                seconds,
                Double(bytes.withLock { $0 }) / total
            )
        )
    }

    private func load(_ connection: BlockingConnection, from first: UInt64) throws -> Int {
        var received = 0
        var sent = 0
        while sent < self.loads {
            var batch: [UInt8] = []
            let count = min(self.depth, self.loads - sent)
            for number in sent..<sent + count {
                batch +=
                    self.pings
                    ? Frames.ping(id: UInt32(number))
                    : Frames.loadBefore(id: UInt32(number), oid: (first + UInt64(number)) % self.objects + 1)
            }
            try connection.send(batch)
            for _ in 0..<count { received += try connection.skip() }
            sent += count
        }
        return received
    }

    /// Commits one object again and again, waiting for each reply as a client does.
    private func commit(_ connection: BlockingConnection) throws -> Int {
        let oid = UInt64.random(in: 1 << 40..<1 << 41)
        let record =
            Array("\u{80}\u{3}cpersistent.mapping\nPersistentMapping\nq".utf8) + [UInt8](repeating: 0x2e, count: 250)
        var serial = [UInt8](repeating: 0, count: 8)
        for number in 0..<UInt32(self.loads) {
            try connection.send(
                Frames.vote(id: number * 2, transaction: number, oid: oid, serial: serial, data: record)
            )
            _ = try connection.reply()
            try connection.send(Frames.finish(id: number * 2 + 1, transaction: number))
            serial = try connection.replyWithTID()
        }
        return 0
    }

    /// The seconds of CPU time that the server has used, in user and kernel mode.
    private func cpu() throws -> Double {
        let stat = try String(contentsOfFile: "/proc/\(self.pid)/stat", encoding: .utf8)
        let fields = stat.split(separator: ")").last?.split(separator: " ") ?? []
        guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12]) else {
            throw BlockingConnection.Failure(description: "/proc/\(self.pid)/stat cannot be read")
        }
        return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }
}
