//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import Testing
import ZODBFormat

@testable import ZODBStorage

/// What is left when the power fails at any instant, and what had not been synchronised is lost, torn or written in
/// another order: everything that was acknowledged, nothing of which only a half is there, and a storage that opens.
@Suite struct PowerLossTests {
    /// How many disks are looked at; `make evidence` sets more.
    static let rounds = ProcessInfo.processInfo.environment["ZKZEO_POWER_ROUNDS"].flatMap { Int($0) } ?? 20
    private static let roundsPerRun = 10
    private static let writers = 3

    /// With one synchronisation for each group of commits on a file system that appends in order, and with two on any.
    @Test(.timeLimit(.minutes(30)), arguments: [false, true])
    func nothingAcknowledgedIsLostAndNothingHalfWrittenIsServed(synchronizesTwice: Bool) async throws {
        print("power loss: ZKZEO_SEED=\(TestSeed.value)")
        var random = SeededGenerator(seed: TestSeed.value)
        var round = 0
        while round < Self.rounds {
            try await withTemporaryDirectory { folder in
                var configuration = FileStorageConfiguration(path: "Data.fs", packKeepOld: random.chance(50))
                configuration.synchronizesTwice = synchronizesTwice
                let (journal, ledger) = try await self.run(in: folder + "/live", configuration, &random)
                let events = journal.events
                var checked: [String] = []
                for _ in 0..<min(Self.roundsPerRun, Self.rounds - round) {
                    round += 1
                    let instant = Self.instant(in: events, &random)
                    let place = "\(folder)/\(round)"
                    var check = PowerLossCheck(ledger: ledger, instant: instant, configuration: configuration)
                    do {
                        try await self.fail(events, before: instant, configuration, in: place, &random)
                        try await SimulatedDisks.with(FaultyDisk(), behind: place) { try await check.run(in: place) }
                        #expect(check.problems == [], "round \(round), instant \(instant) of \(events.count)")
                    } catch {
                        Issue.record("round \(round), instant \(instant) of \(events.count): \(error)")
                    }
                    checked.append(place + "/Data.fs")
                }
                // As Python sees it.
                let some = Array(checked.prefix(3))
                #expect(try await runPython("packing.py", ["check"] + some).contains("clean \(some.count)"))
            }
        }
    }

    /// What these tests find they find.
    @Test(.timeLimit(.minutes(1))) func whatADiskThatLiesLosesIsMissed() async throws {
        var random = SeededGenerator(seed: TestSeed.value)
        try await withTemporaryDirectory { folder in
            let configuration = FileStorageConfiguration(path: "Data.fs")
            let (journal, ledger) = try await self.run(in: folder + "/live", configuration, lies: true, &random)
            let events = journal.events
            var missed = 0
            for round in 0..<10 {
                let place = "\(folder)/\(round)"
                try CrashState(events, before: events.count, appendsInOrder: true, random: &random).write(to: place)
                var check = PowerLossCheck(ledger: ledger, instant: events.count, configuration: configuration)
                // Nothing was synchronised, so that it may not even open.
                let isWhole = (try? await check.run(in: place)) != nil && check.problems.isEmpty
                missed += isWhole ? 0 : 1
            }
            #expect(missed > 0, "\(missed) of 10")
        }
    }

    @Test(.timeLimit(.minutes(1)), arguments: [false, true])
    func withOneSynchronizationACommitMayHaveHolesWhereAppendsAreNotInOrder(synchronizesTwice: Bool) async throws {
        var random = SeededGenerator(seed: TestSeed.value)
        try await withTemporaryDirectory { folder in
            let object = ObjectID.numbered(1)
            let records = ["a", "b"].map { record(String(repeating: $0, count: 3000)) }
            var configuration = FileStorageConfiguration(path: "Data.fs")
            configuration.synchronizesTwice = synchronizesTwice
            try FileManager.default.createDirectory(atPath: folder + "/live", withIntermediateDirectories: true)
            let journal = DiskJournal(folder + "/live")
            let begin = try await SimulatedDisks.with(journal, behind: folder + "/live") {
                let storage = try await FileStorage.open(configuration.moved(to: folder + "/live"))
                try await storage.commit([object: records[0]])
                let begin = journal.note()
                try await storage.commit([object: records[1]])
                journal.note()
                try await storage.close()
                return begin
            }
            let events = journal.events
            // Behind the write, and with two synchronisations up to the second one's end.
            let last = synchronizesTwice ? begin + 4 : begin + 2
            var harmed = 0
            for round in 0..<200 {
                let place = "\(folder)/\(round)"
                let instant = Int.random(in: begin + 2...last, using: &random)
                try CrashState(events, before: instant, appendsInOrder: false, random: &random).write(to: place)
                try await SimulatedDisks.with(FaultyDisk(), behind: place) {
                    guard let storage = try? await FileStorage.open(configuration.moved(to: place)) else {
                        harmed += 1
                        return
                    }
                    let found = try storage.load(object, before: .max)?.data
                    if found.map(records.contains) != true { harmed += 1 }
                    try await storage.close()
                }
            }
            #expect((harmed > 0) == !synchronizesTwice, "\(harmed) of 200")
        }
    }

    /// Leaves in a folder what there may be when the power fails, and perhaps once more while the storage is opened.
    private func fail(
        _ events: [DiskJournal.Event],
        before instant: Int,
        _ configuration: FileStorageConfiguration,
        in folder: String,
        _ random: inout SeededGenerator
    ) async throws {
        let appendsInOrder = !configuration.synchronizesTwice
        try CrashState(events, before: instant, appendsInOrder: appendsInOrder, random: &random).write(to: folder)
        guard random.chance(30) else { return }
        let journal = try DiskJournal(adopting: folder)
        let begin = journal.note()
        try await SimulatedDisks.with(journal, behind: folder) {
            try await FileStorage.open(configuration.moved(to: folder)).close()
        }
        let again = Int.random(in: begin...journal.events.count, using: &random)
        try FileManager.default.removeItem(atPath: folder)
        try CrashState(journal.events, before: again, appendsInOrder: appendsInOrder, random: &random)
            .write(to: folder)
    }

    /// Where the power fails: at any event, and more often at one that changes names, as a pack's end does.
    private static func instant(in events: [DiskJournal.Event], _ random: inout SeededGenerator) -> Int {
        let renamings = events.indices.filter { number in
            guard case .named(let names) = events[number] else { return false }
            return names.count == 2 || names.contains { $0.node == nil }
        }
        guard random.chance(40), let event = renamings.randomElement(using: &random) else {
            return Int.random(in: 0...events.count, using: &random)
        }
        return min(event + Int.random(in: 0...3, using: &random), events.count)
    }

    /// Writes a history: several writers at once, some packs beside them, and the index now and then.
    private func run(
        in folder: String,
        _ configuration: FileStorageConfiguration,
        lies: Bool = false,
        _ random: inout SeededGenerator
    ) async throws -> (DiskJournal, CommitLedger) {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let longestWrite = random.chance(30) ? 700 : Int.max
        let journal = DiskJournal(folder, longestWrite: longestWrite, lies: lies)
        let ledger = CommitLedger()
        let seed = random.next()
        try await SimulatedDisks.with(journal, behind: folder) {
            let storage = try await FileStorage.open(configuration.moved(to: folder))
            var writers = (0..<Self.writers).map {
                JournaledWriter($0, storage, journal, ledger, seed: seed &+ UInt64($0))
            }
            for number in writers.indices { try await writers[number].begin() }
            let root = record("root", (0..<Self.writers).flatMap(JournaledWriter.objects(of:)))
            let tid = try await storage.commit([.root: root])
            ledger.committed(.init(tid: tid, records: [.root: root], blobs: [:], acknowledgement: journal.note()))
            for period in 0..<4 {
                try await withThrowingTaskGroup(of: (Int, JournaledWriter)?.self) { group in
                    for (number, writer) in writers.enumerated() {
                        group.addTask {
                            var writer = writer
                            try await writer.work(6)
                            return (number, writer)
                        }
                    }
                    group.addTask {
                        if period == 2 { try await storage.indexSaver.saveNow() }
                        guard period > 0 else { return nil }
                        let time = try storage.lastTransaction().successor
                        ledger.packs(from: journal.note(), before: time)
                        try await storage.pack(PackRequest(before: time))
                        return nil
                    }
                    for try await result in group {
                        if let (number, writer) = result { writers[number] = writer }
                    }
                }
            }
            try await storage.close()
        }
        return (journal, ledger)
    }
}
