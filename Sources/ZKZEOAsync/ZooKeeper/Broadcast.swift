//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Hands values to any number of subscribers, each of which first gets the newest value that there is.
///
/// Values are states, not messages: a subscriber that is slow loses the oldest ones, never the newest.
/// One `Mutex` guards the subscribers, the newest value and the end.
final class Broadcast<Element: Sendable>: Sendable {
    private struct State {
        var newest: Element?
        var finished = false
        var nextID = 0
        var subscribers: [Int: AsyncStream<Element>.Continuation] = [:]
    }

    private let state = Mutex(State())
    private let depth: Int

    /// - Parameter depth: How many values wait for a slow subscriber.
    init(depth: Int) { self.depth = depth }

    /// The newest value.
    var newest: Element? { self.state.withLock { $0.newest } }

    /// Hands a value to all subscribers.
    func publish(_ element: Element) {
        self.state.withLock { state in
            guard !state.finished else { return }
            state.newest = element
            // Yielding under the lock keeps the order for subscribers that join at the same time. A yield may resume a
            // task but never runs one.
            for subscriber in state.subscribers.values { subscriber.yield(element) }
        }
    }

    /// Ends all subscriptions, also future ones (which still get the newest value).
    func finish() {
        let subscribers = self.state.withLock { state in
            state.finished = true
            defer { state.subscribers = [:] }
            return Array(state.subscribers.values)
        }
        for subscriber in subscribers { subscriber.finish() }
    }

    /// Makes a subscription, which lasts as long as somebody iterates it.
    func subscribe() -> AsyncStream<Element> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: Element.self,
            bufferingPolicy: .bufferingNewest(self.depth)
        )
        let id = self.state.withLock { state in
            state.nextID += 1
            if let newest = state.newest { continuation.yield(newest) }
            if !state.finished { state.subscribers[state.nextID] = continuation }
            return state.finished ? nil : state.nextID
        }
        guard let id else {
            continuation.finish()
            return stream
        }
        continuation.onTermination = { [weak self] _ in
            _ = self?.state.withLock { $0.subscribers.removeValue(forKey: id) }
        }
        return stream
    }
}
