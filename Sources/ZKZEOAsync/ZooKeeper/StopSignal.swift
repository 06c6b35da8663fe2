//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ServiceLifecycle
import Synchronization

/// A request to end, made from anywhere and without waiting.
///
/// One `Mutex` guards the handler, which gets called at most once, not under the lock.
final class StopSignal: Sendable {
    private struct State {
        var requested = false
        var handler: (@Sendable () -> Void)?
    }

    private let flag = OneShot<Void>()
    private let state = Mutex(State())

    var isRequested: Bool { self.flag.value != nil }

    /// Asks for the end. Asking again changes nothing.
    func request() {
        self.flag.set(())
        self.takeHandlerIfRequested()?()
    }

    /// Has `handler` called when the end is asked for, or at once if it has been. Replaces an earlier handler.
    func onRequest(_ handler: @escaping @Sendable () -> Void) {
        self.state.withLock { $0.handler = handler }
        self.takeHandlerIfRequested()?()
    }

    private func takeHandlerIfRequested() -> (@Sendable () -> Void)? {
        guard self.isRequested else { return nil }
        return self.state.withLock { state in
            defer { state.handler = nil }
            return state.handler
        }
    }

    /// Waits until the end is asked for.
    func wait() async throws { try await self.flag.wait() }

    /// Waits for a while, or until the end is asked for.
    func sleep(for duration: Duration) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await Task.sleep(for: duration) }
            group.addTask { try? await self.wait() }
            await group.next()
            group.cancelAll()
        }
    }

    /// Runs `body` to its end, whatever happens to the calling task: cancellation and graceful shutdown become a request.
    ///
    /// What is to be put in order before the end takes asking the server, which a cancelled task could not do; hence the
    /// task of its own, for which the caller always waits.
    func shielding<Result: Sendable>(_ body: @escaping @Sendable () async throws -> Result) async throws -> Result {
        let task = Task { try await body() }
        return try await withTaskCancellationOrGracefulShutdownHandler {
            try await task.value
        } onCancelOrGracefulShutdown: {
            self.request()
        }
    }
}
