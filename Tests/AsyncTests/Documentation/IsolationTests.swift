//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Testing

/// Connections and objects belong to one task at a time. The compiler sees to it: programs that do otherwise do not compile.
@Suite struct IsolationTests {
    /// What a program does with a database, and a word of the compiler's refusal; `nil` where there is none.
    struct Program: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var body: String
        var refusal: String?
    }

    static let programs = [
        Program(
            testDescription: "a connection for each task is right",
            body: """
                async let one = database.read { $0.count }
                async let other = database.transaction { root in root["x"] = 1 }
                _ = try await (one, other)
                """
        ),
        Program(
            testDescription: "a connection is handed on to another task, and not used here any more",
            body: """
                let connection = database.connection()
                Task { try await connection.transaction { root in root["x"] = 1 } }
                """
        ),
        Program(
            testDescription: "an object leaves its transaction",
            body: "_ = try await database.transaction { root in root }",
            refusal: "Sendable"
        ),
        Program(
            testDescription: "an object leaves through a variable",
            body: """
                var leaked: PersistentMapping?
                try await database.read { root in leaked = root }
                _ = leaked
                """,
            refusal: "concurrently-executing"
        ),
        Program(
            testDescription: "two tasks share a connection",
            body: """
                let connection = database.connection()
                async let one = connection.root().count
                async let other = connection.root().count
                _ = try await (one, other)
                """,
            refusal: "data race"
        ),
        Program(
            testDescription: "an object is changed in a task while its connection commits",
            body: """
                let connection = database.connection()
                let root = try await connection.root()
                Task { root["x"] = 1 }
                try await connection.commit()
                """,
            refusal: "data race"
        ),
        Program(
            testDescription: "an object is kept by an actor",
            body: """
                let root = try await database.connection().root()
                await Keeper.shared.keep(root)
                print(root.count)
                """,
            refusal: "data race"
        ),
        Program(
            testDescription: "an object is kept by the main actor",
            body: "try await database.transaction { @MainActor root in Window.shown = root }",
            refusal: "error:"
        ),
        Program(
            testDescription: "a reference leaves its connection",
            body: """
                let value = try await database.read { root in root["x"]?.reference }
                _ = value
                """,
            refusal: "Sendable"
        ),
        Program(
            testDescription: "a connection leaves its closure",
            body: "_ = try await database.withConnection { connection in connection }",
            refusal: "Sendable"
        ),
        Program(
            testDescription: "the contents of a blob may be read by anybody",
            body: """
                let contents = try await database.read { root in try await root.blob("picture")?.contents() }
                Task { for try await piece in contents! { print(piece) } }
                """
        ),
    ]

    @Test(.timeLimit(.minutes(5)), arguments: Self.programs) func theCompilerKeepsObjectsApart(_ program: Program)
        async throws
    {
        let source = """
            import ZODB

            actor Keeper {
                static let shared = Keeper()
                var kept: PersistentMapping?
                func keep(_ object: PersistentMapping) { self.kept = object }
            }

            @MainActor enum Window { static var shown: PersistentMapping? }

            func program(_ database: Database) async throws {
            \(program.body)
            }
            """
        let said = try await SampleCompiler.diagnostics(of: ["Program": source])
        if let refusal = program.refusal {
            #expect(said.contains("error:") && said.contains(refusal), "\(said.prefix(2000))")
        } else {
            #expect(!said.contains("error:"), "\(said.prefix(2000))")
        }
    }
}
