//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Lets one pack at a time in, and none any more when the storage closes.
///
/// Guarded by `state`: who packs, and who waits for that to end.
final class PackGate: Sendable {
    private struct State {
        var running: PackReport?
        var isClosed = false
        var closers: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    /// Whether a pack is under way.
    var isPacking: Bool { self.state.withLock { $0.running != nil } }

    /// A pack begins.
    ///
    /// Throws `StorageError.packing` while another one is under way, `StorageError.closed` after `close()`.
    func begin(_ report: PackReport) throws {
        try self.state.withLock { state in
            if state.isClosed { throw StorageError.closed }
            guard state.running == nil else { throw StorageError(.packing, "a pack is under way already") }
            state.running = report
        }
    }

    /// The pack has ended.
    func end() {
        let closers = self.state.withLock { state in
            defer { state.closers = [] }
            state.running = nil
            return state.closers
        }
        for closer in closers { closer.resume() }
    }

    /// Lets no pack in any more, stops the one that is under way as soon as it can, and returns when it has ended.
    func close() async {
        await withCheckedContinuation { continuation in
            let running = self.state.withLock { state in
                state.isClosed = true
                if state.running != nil { state.closers.append(continuation) }
                return state.running
            }
            guard let running else { return continuation.resume() }
            running.cancel()
        }
    }
}
