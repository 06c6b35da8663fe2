//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import Testing
import ZODB
import ZODBStorage

/// Tasks that commit without end, and what they were told of it.
///
/// Each commit adds a numbered entry to a page of its task and counts it in `total`; now and then it does the same to a page
/// that all tasks share, where they meet. A commit that was lost is an acknowledged number without an entry; one that was
/// made twice is counted twice and entered once.
final class ChaosLedger: Sendable {
    private struct State {
        /// The numbers that each task was told are committed.
        var acknowledged: [[Int]]
        /// What went wrong in ways in which nothing should.
        var surprises: [String] = []
        var unknown = 0
    }

    private static let entriesOfAPage = 50
    private static let shared = "shared"
    let tasks: Int
    private let state: Mutex<State>

    init(tasks: Int) {
        self.tasks = tasks
        self.state = Mutex(State(acknowledged: Array(repeating: [], count: tasks)))
    }

    /// How many commits each task has been told of.
    var counts: [Int] { self.state.withLock { $0.acknowledged.map(\.count) } }
    var surprises: [String] { self.state.withLock { $0.surprises } }
    /// How often it is not known whether a commit took place, because the answer never came.
    var unknown: Int { self.state.withLock { $0.unknown } }

    static func prepare(_ database: Database, tasks: Int) async throws {
        try await database.transaction { root in
            for name in (0..<tasks).map({ "task-\($0)" }) + [Self.shared] {
                root[name] = .object(PersistentMapping(["total": 0, "entries": .object(PersistentMapping())]))
            }
        }
    }

    /// Commits until the surrounding task is cancelled.
    func run(task: Int, _ database: Database) async {
        var number = 0
        while !Task.isCancelled {
            number += 1
            let (entry, name) = (number, "task-\(task)")
            let pages = number % 8 == 0 ? [name, Self.shared] : [name]
            do {
                try await database.transaction(user: name, attempts: 100) { root in
                    for page in pages { try await Self.enter("\(task)-\(entry)", entry, in: page, root) }
                }
                self.state.withLock { $0.acknowledged[task].append(entry) }
            } catch is CancellationError {
                self.state.withLock { $0.unknown += 1 }
            } catch let error as StorageError where error.code == .disconnected {
                self.state.withLock { $0.unknown += 1 }
            } catch {
                self.state.withLock { $0.surprises.append("task \(task), commit \(entry): \(error)") }
            }
            try? await Task.sleep(for: .milliseconds(Int.random(in: 20...80)))
        }
    }

    private static func enter(_ entry: String, _ number: Int, in name: String, _ root: PersistentMapping) async throws {
        guard let page = try await root.mapping(.string(name)), let total = page["total"]?.int,
            let entries = try await page.mapping("entries")
        else { throw StorageError(.invalidArgument, "the page \(name) is not what it was") }
        page["total"] = .int(total + 1)
        let block = PersistentValue.int(number / Self.entriesOfAPage)
        if entries[block] == nil { entries[block] = .object(PersistentMapping()) }
        try await entries.mapping(block)?[entry] = .int(total + 1)
    }

    /// Compares what the tasks were told with what is in the database.
    func audit(_ database: Database) async throws {
        let acknowledged = self.state.withLock { $0.acknowledged }
        for task in 0..<self.tasks {
            let found = try await Self.page("task-\(task)", database)
            #expect(found.total == found.entries.count, "task \(task): a commit was made twice")
            let lost = acknowledged[task].filter { !found.entries.contains("\(task)-\($0)") }
            #expect(lost.isEmpty, "task \(task): acknowledged and lost")
        }
        let shared = try await Self.page(Self.shared, database)
        #expect(shared.total == shared.entries.count, "a shared commit was lost or made twice")
        for task in 0..<self.tasks {
            let lost = acknowledged[task].filter { $0 % 8 == 0 && !shared.entries.contains("\(task)-\($0)") }
            #expect(lost.isEmpty, "task \(task): acknowledged and lost on the shared page")
        }
    }

    private static func page(_ name: String, _ database: Database) async throws -> (total: Int, entries: Set<String>) {
        try await database.read { root in
            let page = try #require(try await root.mapping(.string(name)))
            let entries = try #require(try await page.mapping("entries"))
            var found: Set<String> = []
            for block in entries.keys {
                for (key, _) in try #require(try await entries.mapping(block)) {
                    found.insert(try #require(key.string))
                }
            }
            return (try #require(page["total"]?.int), found)
        }
    }
}
