//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import Synchronization
import Testing
import ZODB
import ZODBFormat
import ZODBStorage

@testable import ZKZEOAsync

/// Our client and Python's server, with Python's client beside it.
@Suite(.timeLimit(.minutes(2))) struct RunZEOTests {
    static func options(waitTimeout: Duration = .seconds(30)) -> ClientOptions {
        var options = ClientOptions()
        options.waitTimeout = waitTimeout
        return options
    }

    @Test(arguments: RunZEO.Wire.allCases)
    func whatPythonWritesSwiftReadsAndWhatSwiftWritesPythonReads(_ wire: RunZEO.Wire) async throws {
        try await withTemporaryDirectory { directory in
            let server = try await RunZEO.start(in: directory, wire)
            let said = try await runPython("mappings.py", ["write", server.address.description])
            #expect(said.contains("protocol \(wire.rawValue)"))

            let storage = try await ClientStorage.open(addresses: [server.address])
            let connection = try await Database.open(storage).connection(closingDatabase: true)
            try await connection.transaction(user: "swift", note: "copied by Swift") { root in
                let python = try #require(try await root.mapping("python"))
                #expect(python["none"] == .null)
                #expect(python["long"] == .int(.max))
                #expect(python["big"]?.bigInteger?.description == "18446744073709551616")
                #expect(python["text"] == "naïve 🐟")
                #expect(python["tuple"] == .tuple([1, .tuple(["two", .null]), .tuple([])]))
                #expect(try await python.mapping("itself") === python)
                let deeper = try #require(try await python.mapping("deeper"))
                let key = try #require(try await deeper.mapping("key"))
                #expect(key["leaf"] == "green")

                let copy = PersistentMapping()
                for (name, value) in python where !["deeper", "list of objects", "itself"].contains(name) {
                    copy[name] = value
                }
                let mine = PersistentMapping(["key": .object(PersistentMapping(["leaf": "green"]))])
                copy["deeper"] = .object(mine)
                let big = PersistentMapping(["n": .bigInteger(BigInteger("1180591620717411303424")!)])
                copy["list of objects"] = [.object(mine), .object(big)]
                copy["shared"] = .object(deeper)
                root["swift"] = .object(copy)
                python["changed by Swift"] = "yes"
            }
            await connection.close()
            #expect(try await runPython("mappings.py", ["check", server.address.description]).contains("checked"))
            try await server.stop()
        }
    }

    @Test(arguments: RunZEO.Wire.allCases)
    func aChangeOfAPythonClientArrivesWithoutBeingAskedFor(_ wire: RunZEO.Wire) async throws {
        try await withTemporaryDirectory { directory in
            let server = try await RunZEO.start(in: directory, wire)
            let storage = try await ClientStorage.open(addresses: [server.address])
            let connection = try await Database.open(storage).connection(closingDatabase: true)
            let root = try await connection.root()
            try await runPython("mappings.py", ["change", server.address.description, "answer", "42"])
            #expect(root["answer"] == nil)
            try await eventually("the change is seen") {
                try await connection.begin()
                return root["answer"] == 42
            }
            #expect(try await storage.lastTransaction() == root.serial)
            #expect(try await storage.statistics().objectCount == 1)
            await connection.close()
            try await server.stop()
        }
    }

    @Test(arguments: RunZEO.Wire.allCases)
    func noIncrementIsLostWhenPythonAndSwiftCountTogether(_ wire: RunZEO.Wire) async throws {
        try await withTemporaryDirectory { directory in
            let server = try await RunZEO.start(in: directory, wire)
            let storage = try await ClientStorage.open(addresses: [server.address])
            let database = try await Database.open(storage)
            async let python = runPython("mappings.py", ["counter", server.address.description, "50"])
            try await withThrowingTaskGroup { group in
                for _ in 0..<4 {
                    group.addTask {
                        for _ in 0..<25 {
                            try await database.transaction(attempts: 1000) { root in
                                root["counter"] = .int((root["counter"]?.int ?? 0) + 1)
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await python.contains("counted 50"))
            try await eventually("all are counted") {
                try await database.read { $0["counter"]?.int } == 150
            }
            await database.close()
            try await server.stop()
        }
    }

    /// Python's server resolves conflicts itself by default, and leaves them to clients when it is told to.
    @Test(arguments: ["", "client-conflict-resolution true"])
    func aConflictIsReportedHoweverTheServerSaysIt(_ option: String) async throws {
        try await withTemporaryDirectory { directory in
            let server = try await RunZEO.start(in: directory, options: option)
            let storage = try await ClientStorage.open(addresses: [server.address])
            let database = try await Database.open(storage)
            let (first, second) = (database.connection(), database.connection())
            let (one, other) = (try await first.root(), try await second.root())
            let read = one.serial
            one["x"] = 1
            other["x"] = 2
            let committed = try #require(try await first.commit())
            let error = await #expect(throws: StorageError.self) { _ = try await second.commit() }
            #expect(error?.code == .conflict)
            #expect(error?.oid == .root)
            #expect(error?.serials?.committed == committed)
            #expect(error?.serials?.read == read)
            // Nothing is held: the next commits go through.
            await second.abort()
            other["x"] = 3
            try await second.commit()
            try await first.transaction { $0["y"] = 1 }
            await database.close()
            try await server.stop()
        }
    }

    @Test func checksOfUnchangedObjectsAreMadeByTheServer() async throws {
        try await withTemporaryDirectory { directory in
            let server = try await RunZEO.start(in: directory)
            let storage = try await ClientStorage.open(addresses: [server.address])
            let database = try await Database.open(storage)
            let connection = database.connection()
            try await connection.transaction { root in
                root["a"] = .object(PersistentMapping())
                root["b"] = .object(PersistentMapping())
            }
            let a = try #require(try await connection.root().mapping("a"))
            let b = try #require(try await connection.root().mapping("b"))
            try connection.readCurrent(a)
            b["x"] = 1
            try await database.transaction { try await $0.mapping("a")?["y"] = 1 }
            let error = await #expect(throws: StorageError.self) { _ = try await connection.commit() }
            #expect(error?.code == .readConflict || error?.code == .conflict)
            await connection.abort()
            #expect(a["y"] == 1)
            await database.close()
            try await server.stop()
        }
    }

    @Test(arguments: RunZEO.Wire.allCases)
    func errorsOfTheServerHaveTheirOwnCodes(_ wire: RunZEO.Wire) async throws {
        try await withTemporaryDirectory { directory in
            let server = try await RunZEO.start(in: directory, wire)
            let storage = try await ClientStorage.open(addresses: [server.address])
            let database = try await Database.open(storage)
            let missing = ObjectID(rawValue: 99)
            var error = await #expect(throws: StorageError.self) { try await storage.load(missing, before: .max) }
            #expect(error?.code == .noSuchObject)
            #expect(error?.oid == missing)
            error = await #expect(throws: StorageError.self) {
                try await storage.load(.root, at: TransactionID(rawValue: 5))
            }
            #expect(error?.code == .noSuchObject)
            let serial = try #require(try await storage.serial(of: .root, before: .max))
            #expect(try await storage.load(.root, before: serial) == nil)
            #expect(try await storage.load(.root, at: serial).readableBytes > 0)

            let fresh = try await ClientStorage.open(addresses: [server.address])
            #expect(try await fresh.load(.root, at: serial).readableBytes > 0)
            let oids = try await fresh.newObjectIDs(250)
            #expect(Set(oids).count == 250)
            // No queue of Python's server reaches back to the beginning.
            error = await #expect(throws: StorageError.self) {
                try await fresh.recentTransactions(after: .zero, limit: 10)
            }
            #expect(error?.code == .unsupported)
            try await fresh.close()

            var options = ClientOptions()
            options.readOnly = true
            let reader = try await ClientStorage.open(addresses: [server.address], options: options)
            error = await #expect(throws: StorageError.self) { try await reader.vote(TransactionDraft()) }
            #expect(error?.code == .readOnly)
            #expect(reader.traits.isReadOnly)
            try await reader.close()

            options.readOnly = false
            options.storage = "unknown"
            options.waitTimeout = .seconds(3)
            error = await #expect(throws: StorageError.self) {
                try await ClientStorage.open(addresses: [server.address], options: options)
            }
            #expect(error?.code == .disconnected)
            #expect((error?.underlyingError as? StorageError)?.code == .invalidArgument)
            await database.close()
            error = await #expect(throws: StorageError.self) { try await storage.load(missing, before: .max) }
            #expect(error?.code == .closed)
            try await server.stop()
        }
    }

    @Test(arguments: RunZEO.Wire.allCases)
    func aServerThatComesBackIsUsedAgainAndWhatChangedMeanwhileIsSeen(_ wire: RunZEO.Wire) async throws {
        try await withTemporaryDirectory { directory in
            let server = try await RunZEO.start(in: directory, wire)
            let storage = try await ClientStorage.open(addresses: [server.address])
            let database = try await Database.open(storage)
            let connection = database.connection()
            try await connection.transaction { $0["x"] = 1 }
            let root = try await connection.root()

            try await server.stop()
            try await eventually("the loss is noticed") { !storage.isConnected }
            // What is in memory can still be read.
            #expect(try await connection.read { $0["x"] } == 1)

            // Somebody else uses the server before we are back.
            let elsewhere = try await RunZEO.start(in: directory, wire)
            try await runPython("mappings.py", ["change", elsewhere.address.description, "x", "2"])
            try await elsewhere.stop()

            async let written: Void = database.transaction { $0["y"] = 1 }
            let again = try await RunZEO.start(in: directory, wire, port: server.port)
            try await written
            try await connection.begin()
            #expect(root["x"] == 2)
            #expect(root["y"] == 1)
            await database.close()
            try await again.stop()
        }
    }

    @Test func callsUnderWayFailWhenTheServerDiesAndLaterOnesWait() async throws {
        try await withTemporaryDirectory { directory in
            let server = try await RunZEO.start(in: directory)
            var options = ClientOptions()
            options.waitTimeout = .seconds(3)
            let storage = try await ClientStorage.open(addresses: [server.address], options: options)
            _ = try await Database.open(storage)
            // A stopped process keeps its connections but answers nothing.
            server.process.signal(SIGSTOP)
            let load = Task { _ = try await storage.load(ObjectID(rawValue: 77), before: .max) }
            let serial = Task { _ = try await storage.load(ObjectID(rawValue: 77), at: TransactionID(rawValue: 1)) }
            try await Task.sleep(for: .milliseconds(50))
            server.process.signal(SIGKILL)
            server.process.signal(SIGCONT)
            for task in [load, serial] {
                let error = await #expect(throws: StorageError.self) { try await task.value }
                #expect(error?.code == .disconnected)
            }
            let error = await #expect(throws: StorageError.self) {
                try await storage.load(ObjectID(rawValue: 78), before: .max)
            }
            #expect(error?.code == .disconnected)
            #expect(error?.message.contains("no server within") == true)
            try await storage.close()
        }
    }

    @Test func aSilentServerIsGivenUpAfterTwoHeartbeats() async throws {
        try await withTemporaryDirectory { directory in
            let server = try await RunZEO.start(in: directory)
            var options = ClientOptions()
            options.heartbeatInterval = .milliseconds(300)
            let storage = try await ClientStorage.open(addresses: [server.address], options: options)
            server.process.signal(SIGSTOP)
            try await eventually("the silence is noticed") { !storage.isConnected }
            server.process.signal(SIGCONT)
            try await eventually("the server is used again") { storage.isConnected }
            try await storage.close()
            try await server.stop()
        }
    }

    @Test func aServerWithAnOlderHistoryIsRefused() async throws {
        try await withTemporaryDirectory { directory in
            let server = try await RunZEO.start(in: directory)
            var options = ClientOptions()
            options.waitTimeout = .seconds(5)
            let storage = try await ClientStorage.open(addresses: [server.address], options: options)
            let database = try await Database.open(storage)
            try await database.transaction { $0["x"] = 1 }
            try await server.stop()
            try await withTemporaryDirectory { other in
                let impostor = try await RunZEO.start(in: other, port: server.port)
                let error = await #expect(throws: StorageError.self) {
                    try await storage.load(ObjectID(rawValue: 5), before: .max)
                }
                #expect((error?.underlyingError as? StorageError)?.code == .corrupted)
                #expect(!storage.isConnected)
                try await impostor.stop()
            }
            await database.close()
        }
    }

    @Test func aCancelledCallLeavesTheConnectionInOrder() async throws {
        try await withTemporaryDirectory { directory in
            let server = try await RunZEO.start(in: directory)
            let storage = try await ClientStorage.open(addresses: [server.address])
            let database = try await Database.open(storage)
            server.process.signal(SIGSTOP)
            let load = Task { try await storage.load(ObjectID(rawValue: 77), before: .max) }
            let commit = Task { try await database.transaction { $0["x"] = 1 } }
            try await Task.sleep(for: .milliseconds(50))
            load.cancel()
            commit.cancel()
            await #expect(throws: CancellationError.self) { _ = try await load.value }
            await #expect(throws: CancellationError.self) { try await commit.value }
            server.process.signal(SIGCONT)
            try await database.transaction { $0["y"] = 1 }
            #expect(try await database.read { $0.count } == 1)
            #expect(storage.isConnected)
            await database.close()
            try await server.stop()
        }
    }
}
