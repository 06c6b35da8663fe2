//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Where one task waits for one result, which comes, fails or is given up by cancellation; whatever is first counts.
///
/// Guarded by `state`. Continuations are resumed after it has been unlocked.
final class CallSlot<Value: Sendable>: Sendable {
    private enum State {
        /// Nobody waits yet, nothing has come. Next: waiting, done.
        case empty
        /// A task waits. Next: taken.
        case waiting(CheckedContinuation<Value, any Error>)
        /// The result has come before anybody waited. Next: taken.
        case done(Result<Value, any Error>)
        /// The result has been handed over.
        case taken
    }

    private let state = Mutex(State.empty)

    /// Gives the result. Returns false when there was one already; this one is dropped then.
    @discardableResult
    func complete(_ result: Result<Value, any Error>) -> Bool {
        let (isFirst, waiting) = self.state.withLock { state -> (Bool, CheckedContinuation<Value, any Error>?) in
            switch state {
            case .empty:
                state = .done(result)
                return (true, nil)
            case .waiting(let continuation):
                state = .taken
                return (true, continuation)
            case .done, .taken: return (false, nil)
            }
        }
        waiting?.resume(with: result)
        return isFirst
    }

    /// Waits for the result. A cancelled task gets a `CancellationError` at once, unless the result is there.
    func value() async throws -> Value {
        try await withTaskCancellationHandler {
            try await self.valueInAnyCase()
        } onCancel: {
            self.complete(.failure(CancellationError()))
        }
    }

    /// Waits for the result even when the task is cancelled.
    func valueInAnyCase() async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            let result = self.state.withLock { state -> Result<Value, any Error>? in
                switch state {
                case .empty:
                    state = .waiting(continuation)
                    return nil
                case .done(let result):
                    state = .taken
                    return result
                case .waiting, .taken: preconditionFailure("a result is waited for once")
                }
            }
            if let result { continuation.resume(with: result) }
        }
    }
}
