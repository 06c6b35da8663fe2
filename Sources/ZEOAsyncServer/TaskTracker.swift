//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// The tasks that a server has started, so that it can wait for the last of them.
final class TaskTracker: Sendable {
    private struct State {
        var last = 0
        /// What runs; `nil` for what has been started and is not known here yet.
        var running: [Int: Task<Void, Never>?] = [:]
        var isCancelled = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    /// Starts a task that the server waits for before it ends. What does not belong to an actor runs on `executor`.
    @discardableResult
    func start(
        on executor: (any TaskExecutor)? = nil,
        _ body: @escaping @Sendable () async -> Void
    ) -> Task<Void, Never> {
        let number = self.state.withLock { state in
            state.last += 1
            state.running[state.last] = .some(nil)
            return state.last
        }
        let task = Task(executorPreference: executor) {
            await body()
            self.ended(number)
        }
        let isCancelled = self.state.withLock { state in
            if state.running[number] != nil { state.running[number] = task }
            return state.isCancelled
        }
        if isCancelled { task.cancel() }
        return task
    }

    /// Asks every task to end early, and those that are still to come.
    func cancelAll() {
        let tasks = self.state.withLock { state in
            state.isCancelled = true
            return state.running.values.compactMap { $0 }
        }
        for task in tasks { task.cancel() }
    }

    private func ended(_ number: Int) {
        let waiters = self.state.withLock { state -> [CheckedContinuation<Void, Never>] in
            state.running[number] = nil
            guard state.running.isEmpty else { return [] }
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Waits until no task runs.
    func waitForAll() async {
        await withCheckedContinuation { continuation in
            let isIdle = self.state.withLock { state in
                if !state.running.isEmpty { state.waiters.append(continuation) }
                return state.running.isEmpty
            }
            if isIdle { continuation.resume() }
        }
    }
}
