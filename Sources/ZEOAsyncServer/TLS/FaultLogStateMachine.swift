//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// Which faults of strangers are worth a line: each kind of fault of a host once in a while, with the number of those
/// that were passed over in between. So nobody can flood the log, and nothing new goes unsaid.
struct FaultLogStateMachine {
    /// How long a fault is not told again, and how many kinds of fault are told apart.
    static let pause = Duration.seconds(60)
    static let limit = 1000

    enum Action: Equatable {
        case none
        /// Tell it, and how often it happened since it was last told.
        case tell(untold: Int)
    }

    private struct Kind: Hashable {
        var host: String
        var fault: String
    }

    private struct Told {
        var time: Duration
        var untold = 0
    }

    private var told: [Kind: Told] = [:]

    /// A host made a mistake. `time` runs evenly, from any start.
    mutating func happened(host: String, fault: String, at time: Duration) -> Action {
        var kind = Kind(host: host, fault: fault)
        if self.told[kind] == nil, self.told.count >= Self.limit {
            self.told = self.told.filter { time - $0.value.time < Self.pause }
            // So many at once are an attack, and one line says so.
            if self.told.count >= Self.limit { kind = Kind(host: "", fault: "") }
        }
        guard let last = self.told[kind], time - last.time < Self.pause else {
            let untold = self.told[kind]?.untold ?? 0
            self.told[kind] = Told(time: time)
            return .tell(untold: untold)
        }
        self.told[kind]?.untold += 1
        return .none
    }
}
