//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import OrderedCollections
import Testing
import ZKZEOAsync
import ZODB
import ZODBFormat

/// The main job for the Swift client: it finds a server through a real ZooKeeper, reads every object of a database that
/// Python made, and changes what Python then reads.
@Suite struct SwiftPopulationTests {
    private static let seed = "swift"
    private static let count = 10000

    @Test(.timeLimit(.minutes(5)), arguments: RunZEO.Wire.allCases)
    func theSwiftClientFindsPythonsServerAndChangesAFileThatPythonMade(_ wire: RunZEO.Wire) async throws {
        try await self.withPopulation { directory, zooKeeper, values in
            let server = try await RunZEO.start(in: directory, wire)
            try await withSession(zooKeeper) { session in
                _ = try await session.create("/databases/demo/\(server.address)", data: Array("{}".utf8))
            }
            try await self.readAndChange(zooKeeper, values)
            try await server.process.line(containing: "received handshake '\(wire.rawValue)'")
            try await server.stop()
        }
    }

    @Test(.timeLimit(.minutes(5)), arguments: RunZEO.Wire.allCases)
    func theSwiftClientFindsTheSwiftServerAndChangesAFileThatPythonMade(_ wire: RunZEO.Wire) async throws {
        try await self.withPopulation { directory, zooKeeper, values in
            let zeo = wire == .messagePack ? "msgpack true" : ""
            let server = try await RunningServer.start(
                RunningServer.configuration(zeo: zeo, zooKeeper: zooKeeper),
                in: directory
            )
            try await self.readAndChange(zooKeeper, values)
            try await server.process.line(containing: "received handshake '\(wire.rawValue)'")
            #expect(try await server.stop() == 0)
        }
    }

    /// What the objects hold before and after the change, a line for each, as Python says it.
    private struct Values {
        var before: [String]
        var after: [String]

        static func read(_ path: String) throws -> [String] {
            let text = try String(contentsOfFile: path, encoding: .utf8)
            return Array(text.components(separatedBy: "\n").dropLast())
        }
    }

    /// Runs `body` with a file of Python's in a directory and a ZooKeeper, and lets Python check the file afterwards.
    private func withPopulation(
        _ body: (_ directory: String, _ zooKeeper: String, Values) async throws -> Void
    ) async throws {
        try await withTemporaryDirectory { directory in
            let zooKeeper = try await RealZooKeeper()
            try await withSession(zooKeeper.connectionString) { try await $0.ensurePath("/databases/demo") }
            let population = ["\(Self.count)", Self.seed]
            try await runPython("population_file.py", ["make", directory + "/Data.fs"] + population)
            for generation in ["0", "1"] {
                try await runPython("population_values.py", [directory + "/" + generation] + population + [generation])
            }
            let values = Values(
                before: try Values.read(directory + "/0"),
                after: try Values.read(directory + "/1")
            )

            try await body(directory, zooKeeper.connectionString, values)

            let file = directory + "/Data.fs"
            let checked = try await runPython("population_file.py", ["check", file] + population + ["1"])
            #expect(checked.contains("checked \(Self.count)"))
            #expect(try await runPython("population_additions.py", [file]).contains("checked the additions"))
            try await zooKeeper.stop()
        }
    }

    private func readAndChange(_ zooKeeper: String, _ values: Values) async throws {
        try await ZKZEO.withDB(zooKeeper, "/databases/demo") { database in
            try await self.expect(database, values.before)
            try await database.withConnection { connection in
                try await self.change(connection, values)
                try await self.add(connection)
            }
        }
        // Nothing is left of the cache that saw the changes.
        try await ZKZEO.withDB(zooKeeper, "/databases/demo") { database in
            try await self.expect(database, values.after)
        }
    }

    /// Reads every object and compares it with its line.
    private func expect(_ database: Database, _ expected: [String]) async throws {
        #expect(expected.count == Self.count)
        let readers = 8
        let found = try await withThrowingTaskGroup(of: [Int: String].self) { tasks in
            for reader in 0..<readers {
                tasks.addTask {
                    try await database.read { root in
                        var lines: [Int: String] = [:]
                        for group in stride(from: reader, to: Self.count / 100, by: readers) {
                            for number in group * 100..<(group + 1) * 100 {
                                let object = try await Self.object(number, root)
                                lines[number] = try TaggedValue(.dictionary(object.items)).json
                            }
                        }
                        return lines
                    }
                }
            }
            return try await tasks.reduce(into: [:]) { $0.merge($1) { $1 } }
        }
        #expect(found.count == Self.count)
        if let number = expected.indices.first(where: { found[$0] != expected[$0] }) {
            Issue.record("object \(number): \(found[number] ?? "none") instead of \(expected[number])")
        }
    }

    /// What `population.change` does: every third object gets its new content, some objects a transaction.
    private func change(_ connection: Connection, _ values: Values) async throws {
        let changed = values.after.indices.filter { values.before[$0] != values.after[$0] }
        #expect(changed.count == Self.count / 3)
        for start in stride(from: 0, to: changed.count, by: 500) {
            let numbers = changed[start..<min(start + 500, changed.count)]
            try await connection.transaction(user: "swift", note: "\(numbers.count) objects") { root in
                for number in numbers {
                    let object = try await Self.object(number, root)
                    let content = try TaggedValue(json: values.after[number]).value.dictionary
                    for (key, value) in try #require(content) { object[key] = value }
                }
            }
        }
        try await connection.transaction { $0["generation"] = 1 }
    }

    /// Makes what `population_additions.py` looks for.
    private func add(_ connection: Connection) async throws {
        try await connection.transaction(note: "a house") { root in
            let plates = PersistentValue.tuple([
                .bytes(ByteBuffer(bytes: [0x00, 0xff])), .bigInteger(BigInteger("1267650600228229401496703205376")!),
                -1.5,
            ])
            let table = PersistentMapping(["legs": 4, "plates": plates])
            let box = PersistentMapping(["dust": true])
            root["house"] = .object(
                PersistentMapping([
                    "floors": 3,
                    "attic": .object(PersistentMapping(["box": .object(box)])),
                    "cellar": .object(PersistentMapping(["spare table": .object(table)])),
                    "kitchen": .object(PersistentMapping(["table": .object(table)])),
                ])
            )
        }
        try await connection.transaction(note: "without its attic") { root in
            let house = try #require(try await root.mapping("house"))
            let attic = try #require(try await house.mapping("attic"))
            let box = try #require(try await attic.mapping("box"))
            let kitchen = try #require(try await house.mapping("kitchen"))
            let table = try #require(try await kitchen.mapping("table"))
            house["floors"] = 2
            house["attic"] = nil
            house["friends"] = [.object(try await Self.object(1, root)), .object(table)]
            root["last seen"] = .bytes(ByteBuffer(integer: try #require(box.oid).rawValue))
        }
    }

    private static func object(_ number: Int, _ root: PersistentMapping) async throws -> PersistentMapping {
        let digits = "\(number / 100)"
        let name = "group-" + String(repeating: "0", count: 4 - digits.count) + digits
        let group = try #require(try await root.mapping(.string(name)))
        return try #require(try await group.mapping("\(number)"))
    }
}
