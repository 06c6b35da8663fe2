//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

@testable import ZODBStorage

/// A disk that refuses some of what is asked of it. Nothing is synchronised for real.
final class FaultyDisk: SimulatedDisk {
    /// The error of a change that comes so many changes after the first; `nil` where it goes well.
    typealias Rule = @Sendable (_ number: Int, DiskChange) -> Int32?

    private struct State {
        var count = 0
        var failed: [DiskChange] = []
    }

    let longestWrite: Int
    private let rule: Rule
    private let state = Mutex(State())

    /// System calls write so many bytes at once at most, so that some of a transaction is there when one fails.
    init(longestWrite: Int = .max, _ rule: @escaping Rule = { _, _ in nil }) {
        self.longestWrite = longestWrite
        self.rule = rule
    }

    /// The number of changes that were tried.
    var count: Int { self.state.withLock { $0.count } }

    /// What was refused.
    var failed: [DiskChange] { self.state.withLock { $0.failed } }

    func make(_ change: DiskChange, _ body: () throws(FileError) -> Void) throws(FileError) {
        let code = self.state.withLock { state in
            let code = self.rule(state.count, change)
            state.count += 1
            if code != nil { state.failed.append(change) }
            return code
        }
        if let code { throw FileError(operation: "simulated", path: "\(change)", code: code) }
        if !change.isSynchronization { try body() }
    }
}

extension DiskChange {
    var isSynchronization: Bool {
        switch self {
        case .synchronize, .synchronizeFolder: true
        default: false
        }
    }

    /// Whether it needs room that a full disk has not got.
    var takesRoom: Bool {
        switch self {
        case .open, .create, .write, .link, .makeFolder: true
        case .truncate, .synchronize, .remove, .rename, .removeFolder, .synchronizeFolder: false
        }
    }
}
