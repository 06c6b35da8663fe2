//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import ZODB
import ZODBStorage

/// The Python side, one process for all turns.
final class SharedProgramPeer {
    private let process: ChildProcess
    private let fifo: FileHandle
    private let directory: String

    init(in directory: String) async throws {
        self.directory = directory
        try #require(mkfifo(directory + "/fifo", 0o600) == 0)
        self.process = try ChildProcess(
            TestPaths.python,
            [TestPaths.interop + "/shared_programs.py", directory + "/fifo"]
        )
        try await self.process.line(containing: "ready")
        self.fifo = try #require(FileHandle(forWritingAtPath: directory + "/fifo"))
    }

    /// Has a program run, and returns what it says.
    func run(_ operations: [SharedOperation], at place: String, turn: Int) async throws -> [String] {
        let (program, output) = ("\(self.directory)/program-\(turn)", "\(self.directory)/output-\(turn)")
        let text = operations.map(\.line).joined(separator: "\n") + "\n"
        try text.write(toFile: program, atomically: true, encoding: .utf8)
        try self.fifo.write(contentsOf: Data("\(place) \(program) \(output)\n".utf8))
        let line = try await self.process.line(containing: "ended \(output) ", within: .seconds(300))
        try #require(line == "ended \(output) done", "\(self.process.output)")
        return try String(contentsOfFile: output, encoding: .utf8).split(separator: "\n").map(String.init)
    }

    func stop() { self.process.signal(SIGKILL) }
}

/// Has Python and Swift run random programs on one database in turns, and expects after each transaction that everything
/// is as a model says.
///
/// - Parameters:
///   - place: Where Python finds the database: a file storage's path, or a server's port.
///   - open: Opens the same database for Swift.
func runSharedProgram(
    at place: String,
    in directory: String,
    seed: UInt64,
    turns: Int,
    open: () async throws -> any Storage
) async throws {
    print("shared programs: ZKZEO_SEED=\(seed) ZKZEO_SHARED_TURNS=\(turns)")
    var program = SharedProgram(seed: seed)
    try await runTurns(turns, at: place, in: directory, open: open) { turn in
        program.nextTurn(turn, transactions: 4)
        return program
    }
    print("shared programs: \(program.steps) steps at \(place.hasPrefix("/") ? "a file" : "a server")")
}

/// Has Python and Swift run programs in turns; Python begins.
func runTurns(
    _ turns: Int,
    at place: String,
    in directory: String,
    open: () async throws -> any Storage,
    _ next: (Int) -> SharedProgram
) async throws {
    let peer = try await SharedProgramPeer(in: directory)
    defer { peer.stop() }
    for turn in 0..<turns {
        let program = next(turn)
        let said: [String]
        if turn % 2 == 0 {
            said = try await peer.run(program.operations, at: place, turn: turn)
        } else {
            let database = try await Database.open(try await open(), cacheSize: 100)
            var objects = try await SharedObjects(database.connection(closingDatabase: true))
            for operation in program.operations { try await objects.run(operation) }
            await objects.connection.close()
            said = objects.said
        }
        let difference = zip(said, program.said).first { $0 != $1 }
        try #require(difference == nil, "turn \(turn)")
        try #require(said.count == program.said.count, "turn \(turn)")
    }
}
