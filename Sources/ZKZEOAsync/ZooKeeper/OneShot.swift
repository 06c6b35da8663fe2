//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// A value that is set once and that any number of tasks wait for.
///
/// One `Mutex` guards the value and the table of waiting tasks; continuations are resumed after it has been unlocked.
final class OneShot<Value: Sendable>: Sendable {
    private struct State {
        var value: Value?
        var nextID = 0
        var waiting: [Int: CheckedContinuation<Value, any Error>] = [:]
        /// Waits that were cancelled before they had a continuation.
        var cancelled: Set<Int> = []
    }

    private let state = Mutex(State())

    /// The value, if it has been set.
    var value: Value? { self.state.withLock { $0.value } }

    /// Sets the value; whoever comes second changes nothing.
    func set(_ value: Value) {
        let waiting = self.state.withLock { state in
            guard state.value == nil else { return [CheckedContinuation<Value, any Error>]() }
            state.value = value
            defer { state.waiting = [:] }
            return Array(state.waiting.values)
        }
        for continuation in waiting { continuation.resume(returning: value) }
    }

    /// Waits for the value. Throws `CancellationError` when the waiting task is cancelled first.
    func wait() async throws -> Value {
        let id = self.state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let outcome: Result<Value, any Error>? = self.state.withLock { state in
                    if let value = state.value { return .success(value) }
                    if state.cancelled.remove(id) != nil { return .failure(CancellationError()) }
                    state.waiting[id] = continuation
                    return nil
                }
                if let outcome { continuation.resume(with: outcome) }
            }
        } onCancel: {
            let continuation: CheckedContinuation<Value, any Error>? = self.state.withLock { state in
                if let continuation = state.waiting.removeValue(forKey: id) { return continuation }
                if state.value == nil { state.cancelled.insert(id) }
                return nil
            }
            continuation?.resume(throwing: CancellationError())
        }
    }
}
