//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import Testing
import ZODBFormat

@testable import ZODBStorage

/// Packs by Python and by us of the same files to the same times.
@Suite(.timeLimit(.minutes(5))) struct PackPythonTests {
    /// How many histories are compared; `make evidence` sets more.
    static let histories =
        ProcessInfo.processInfo.environment["ZKZEO_PACK_HISTORIES"].flatMap { Int($0) } ?? 12

    private struct History {
        var seed: String
        var times: [TransactionID]
        var pythonFailed: Bool
        /// Python's second pack failed, because its first one had thrown away what was linked again later.
        var pythonLost: Bool
    }

    private func histories(_ folder: String, first: Int, relink: Bool) async throws -> [History] {
        let output = try await runPython(
            "packing.py",
            ["histories", folder, "\(first)", "\(Self.histories)", relink ? "1" : "0"]
        )
        return try output.split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ")
            guard words.count >= 3, Int(words[0]) != nil else { return nil }
            return History(
                seed: String(words[0]),
                times: try words[1...2].map { try TransactionID(hex: String($0)) },
                pythonFailed: words.count > 3,
                pythonLost: words.last == "lost"
            )
        }
    }

    /// Packs a copy of a history as Python has packed its own; returns the path.
    private func pack(_ history: History, in folder: String, collectsGarbage: Bool) async throws -> String {
        let path = "\(folder)/\(history.seed)-ours-\(collectsGarbage ? "gc" : "all").fs"
        try FileManager.default.copyItem(atPath: "\(folder)/\(history.seed).fs", toPath: path)
        let storage = try await FileStorage.open(.init(path: path, packGC: collectsGarbage, packKeepOld: false))
        for time in history.times { try await storage.pack(PackRequest(before: time.successor)) }
        try await storage.close()
        return path
    }

    /// What a file tells that Python's does not, or that they tell differently, but for records that say that there is
    /// nothing, and transactions with such: those may stay where Python's pack does not see that they are referred to.
    private func extra(in ours: String, over theirs: String) async throws -> Set<Substring> {
        let ours = try await runPython("packing.py", ["records", ours]).split(separator: "\n")
        let theirs = try await runPython("packing.py", ["records", theirs]).split(separator: "\n")
        let emptyRecords = Set(ours).subtracting(theirs).filter { $0.contains(" None ") }
        guard !emptyRecords.isEmpty else { return ["the same records, and other bytes"] }
        let transactions = Set(emptyRecords.map { $0.prefix(16) })
        return Set(ours).symmetricDifference(theirs).subtracting(emptyRecords).filter {
            !(transactions.contains($0.prefix(16)) && $0.contains("'"))
        }
    }

    @Test func filesAreEqualByteForByte() async throws {
        try await withTemporaryDirectory { folder in
            let histories = try await self.histories(folder, first: 1, relink: false)
            #expect(histories.count == Self.histories)
            var packed: [String] = []
            for history in histories {
                for gc in [true, false] {
                    let ours = try await self.pack(history, in: folder, collectsGarbage: gc)
                    packed.append(ours)
                    if !gc, history.pythonFailed { continue }
                    let pythons = "\(folder)/\(history.seed)-\(gc ? "gc" : "all").fs"
                    guard try bytes(of: ours) != bytes(of: pythons) else { continue }
                    #expect(
                        try await self.extra(in: ours, over: pythons) == [],
                        "seed \(history.seed), garbage \(gc)"
                    )
                }
            }
            #expect(try await runPython("packing.py", ["check"] + packed).contains("clean \(packed.count)"))
            let dump = try await PythonDump(of: packed[0])
            let storage = try await FileStorage.open(.init(path: packed[0], readOnly: true))
            try await dump.expectEqual(to: storage)
            try await storage.close()
            // What comes behind a pack can be undone.
            try await runPython("packing.py", ["undo", packed[0]])
            #expect(try await runPython("packing.py", ["check", packed[0]]).contains("clean"))
        }
    }

    /// What was garbage at the time of the pack and is linked again later is lost by Python's pack, and not by ours.
    @Test func everythingThatPythonKeepsIsKeptAndNoReferenceIsBroken() async throws {
        try await withTemporaryDirectory { folder in
            var packed: [String] = []
            for history in try await self.histories(folder, first: 1000, relink: true) where !history.pythonLost {
                let ours = try await self.pack(history, in: folder, collectsGarbage: true)
                packed.append(ours)
                let kept = Set(try await runPython("packing.py", ["records", ours]).split(separator: "\n"))
                let pythons = try await runPython(
                    "packing.py",
                    ["records", "\(folder)/\(history.seed)-gc.fs"]
                )
                #expect(kept.isSuperset(of: pythons.split(separator: "\n")), "seed \(history.seed)")
            }
            #expect(try await runPython("packing.py", ["check"] + packed).contains("clean \(packed.count)"))
        }
    }
}
