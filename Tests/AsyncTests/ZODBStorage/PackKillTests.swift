//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import Testing
import ZODBFormat

@testable import ZODBStorage

/// What `kill -9` of a process that commits and packs all the time may not break.
@Suite struct PackKillTests {
    /// How often the process is killed; `make evidence` sets more.
    static let rounds = ProcessInfo.processInfo.environment["ZKZEO_PACK_KILL_ROUNDS"].flatMap { Int($0) } ?? 5

    /// Where this very test commits and packs until it is killed, in the process that it has started.
    private static let victimPath = ProcessInfo.processInfo.environment["ZKZEO_PACK_KILL_PATH"]

    private static let objects = (1...3).map { ObjectID.numbered($0) }

    @Test(.timeLimit(.minutes(20))) func nothingThatWasAcknowledgedIsLost() async throws {
        if let path = Self.victimPath { return try await self.commitAndPackUntilKilled(path) }
        try await withTemporaryDirectory { folder in
            let path = folder + "/Data.fs"
            let first = try await FileStorage.open(.init(path: path))
            try await first.commit(
                [.root: record("root", Self.objects)].merging(
                    Self.objects.map { ($0, record("0")) },
                    uniquingKeysWith: { $1 }
                )
            )
            try await first.close()
            var acknowledged: [ObjectID: Int] = [:]
            var packs = 0
            for round in 1...Self.rounds {
                let victim = try ChildProcess(
                    CommandLine.arguments[0],
                    ["--testing-library", "swift-testing", "--filter", "PackKillTests"],
                    environment: ["ZKZEO_PACK_KILL_PATH": path]
                )
                let patience = Int.random(in: 20...200)
                try await eventually("\(patience) commits and packs") {
                    victim.lines.filter { $0.hasPrefix("done ") }.count >= patience
                }
                victim.signal(SIGKILL)
                try await victim.exitStatus()
                for line in victim.lines {
                    let words = line.split(separator: " ")
                    guard words.count == 3, words[0] == "done", let number = Int(words[2]) else { continue }
                    if words[1] == "pack" {
                        packs += 1
                    } else {
                        let oid = try ObjectID(hex: String(words[1]))
                        acknowledged[oid] = max(number, acknowledged[oid] ?? 0)
                    }
                }
                // The next process opens it so, too: with whatever the kill has left beside it.
                let again = try await FileStorage.open(.init(path: path, readOnly: true))
                for (oid, number) in acknowledged {
                    let revision = try #require(try again.load(oid, before: .max))
                    let found = try #require(try text(of: revision.data).flatMap { Int($0) })
                    #expect(found == number || found == number + 1, "round \(round), object \(oid)")
                }
                #expect(try again.load(.root, before: .max)?.data == record("root", Self.objects))
                try await again.close()
            }
            #expect(acknowledged.count == Self.objects.count)
            #expect(packs > 0)
            let last = try await FileStorage.open(.init(path: path))
            try await last.packAll()
            #expect(try last.statistics().objectCount == Self.objects.count + 1)
            try await last.close()
            #expect(try await runPython("packing.py", ["check", path]).contains("clean"))
        }
    }

    private func commitAndPackUntilKilled(_ path: String) async throws {
        let storage = try await FileStorage.open(.init(path: path))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for oid in Self.objects {
                group.addTask {
                    var number = try storage.load(oid, before: .max).flatMap {
                        try text(of: $0.data).flatMap { Int($0) }
                    }!
                    while true {
                        number += 1
                        try await storage.commit([
                            oid: record("\(number)"), try storage.newObjectIDs(1)[0]: record("garbage"),
                        ])
                        Self.say("done \(oid.hex) \(number)")
                    }
                }
            }
            group.addTask {
                var number = 0
                while true {
                    try await storage.packAll()
                    number += 1
                    Self.say("done pack \(number)")
                }
            }
            try await group.waitForAll()
        }
    }

    private static func say(_ line: String) {
        FileHandle.standardOutput.write(Data((line + "\n").utf8))
    }
}
