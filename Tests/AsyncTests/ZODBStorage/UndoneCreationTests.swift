//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import Testing
import ZODBFormat

@testable import ZODBStorage

/// An object whose creation was undone, and that undo, and that one: its record points to one that says that there is
/// nothing. Python takes it for an object that exists and has no data.
@Suite(.timeLimit(.minutes(1))) struct UndoneCreationTests {
    private let a = ObjectID.numbered(1)

    /// Writes such a history, and some of what may follow.
    private func make(_ path: String, goesOn: Bool = true) async throws {
        let storage = try await FileStorage.open(FileStorageConfiguration(path: path))
        try await storage.commit([.root: record("root")])
        var last = try await storage.commit([a: record("created")])
        for _ in 0..<3 { last = try await storage.undo(last).tid }
        #expect(throws: StorageError.self) { try storage.load(a, before: .max) }
        try await storage.commit([.root: record("root refers to it", [a])])
        guard goesOn else { return try await storage.close() }
        last = try await storage.undo(last).tid
        #expect(try storage.load(a, before: .max)?.data == record("created"))
        last = try await storage.undo(last).tid
        try await storage.commit([.root: record("root does not", [])])
        last = try await storage.undo(last).tid
        try await storage.undo(last)
        // The last transaction stays in ours, also when nothing of it does.
        try await storage.commit([.root: record("the end")])
        try await storage.close()
    }

    @Test(arguments: [true, false], [true, false])
    func everyPackOfItIsPythons(collectsGarbage: Bool, goesOn: Bool) async throws {
        try await withTemporaryDirectory { folder in
            let path = folder + "/Data.fs"
            try await self.make(path, goesOn: goesOn)
            let output = try await runPython("history.py", ["packs", path, collectsGarbage ? "1" : "0"])
            let lines = output.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
            let outcomes = lines.filter { $0.count == 2 && $0[0].count == 16 }
            #expect(outcomes.count == (goesOn ? 12 : 6))
            #expect(outcomes.count { $0[1] == "packed" } >= 3)
            for (number, outcome) in outcomes.enumerated() {
                let ours = "\(path)-\(number)"
                try FileManager.default.copyItem(atPath: path, toPath: ours)
                let storage = try await FileStorage.open(
                    .init(path: ours, packGC: collectsGarbage, packKeepOld: false)
                )
                let request = PackRequest(before: try TransactionID(hex: outcome[0]).successor)
                if outcome[1] == "missing" {
                    let error = await #expect(throws: StorageError.self) { try await storage.pack(request) }
                    #expect(error?.code == .noSuchObject)
                } else {
                    try await storage.pack(request)
                }
                try await storage.close()
                guard outcome[1] == "packed" else { continue }
                #expect(try bytes(of: ours) == bytes(of: "\(path).\(number)"), "pack \(number)")
            }
            let last = "\(path)-\(outcomes.count - 1)"
            let storage = try await FileStorage.open(.init(path: last, readOnly: true))
            try await PythonHistory(of: last).expectEqual(to: storage)
            try await storage.close()
        }
    }

    @Test func itIsToldCopiedAndRecoveredAsPythonDoesIt() async throws {
        try await withTemporaryDirectory { folder in
            let path = folder + "/Data.fs"
            try await self.make(path)
            let storage = try await FileStorage.open(.init(path: path, readOnly: true))
            try await PythonHistory(of: path).expectEqual(to: storage)
            try await PythonDump(of: path).expectEqual(to: storage)
            let copy = try await FileStorage.open(.init(path: folder + "/ours.fs"))
            _ = try await StorageCopy(from: storage, to: copy).run()
            try await copy.close()
            try await storage.close()
            try await runPython("history.py", ["copy", path, folder + "/theirs.fs"])
            #expect(try bytes(of: folder + "/ours.fs") == bytes(of: folder + "/theirs.fs"))
            #expect(try bytes(of: folder + "/ours.fs") == bytes(of: path))
            _ = try DataFileRecovery.run(path, into: folder + "/recovered.fs") { _ in }
            #expect(try bytes(of: folder + "/recovered.fs") == bytes(of: path))
        }
    }
}
