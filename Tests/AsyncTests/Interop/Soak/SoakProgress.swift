//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// How much is to be done to a server.
struct SoakPlan: Sendable {
    var calls: Int
    var clients: Int
    /// How often clients connect again, all together.
    var reconnections: Int
    var packs: Int
    var objects: Int
}

/// How much has been done so far, and how large the server was meanwhile.
final class SoakProgress: Sendable {
    private let plan: SoakPlan
    private let state = Mutex(State())

    private struct State {
        var calls = 0
        var kinds: [String: Int] = [:]
        var packs = 0
        var samples: [(done: Double, memory: Int)] = []
    }

    init(_ plan: SoakPlan) {
        self.plan = plan
    }

    /// A client has made calls.
    func made(_ count: Int, _ kind: String) {
        self.state.withLock { state in
            state.calls += count
            state.kinds[kind, default: 0] += 1
        }
    }

    func packed() {
        self.state.withLock { $0.packs += 1 }
    }

    var packCount: Int { self.state.withLock { $0.packs } }

    /// Which part of the calls has been made.
    var done: Double { self.state.withLock { Double($0.calls) / Double(self.plan.calls) } }

    /// Waits until so large a part of the calls has been made.
    func wait(until part: Double) async throws {
        while self.done < part { try await Task.sleep(for: .milliseconds(5)) }
    }

    /// Asks for the server's size until all calls are made.
    func sample(_ memory: () throws -> Int) async throws {
        while self.done < 1 {
            let size = try memory()
            self.state.withLock { state in
                state.samples.append((Double(state.calls) / Double(self.plan.calls), size))
            }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    /// The mean size while one tenth of the calls was made.
    func memory(inTenth tenth: Int) -> Int {
        let sizes = self.state.withLock { state in
            state.samples.filter { Int($0.done * 10) == tenth }.map(\.memory)
        }
        return sizes.isEmpty ? 0 : sizes.reduce(0, +) / sizes.count
    }

    /// What was done, and the mean size in each tenth.
    var summary: String {
        let (calls, kinds, packs) = self.state.withLock { ($0.calls, $0.kinds, $0.packs) }
        let list = kinds.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
        let sizes = (0..<10).map { "\(self.memory(inTenth: $0))" }.joined(separator: " ")
        return "\(calls) calls (\(list)), \(packs) packs; KiB by tenths: \(sizes)"
    }
}
