//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// The servers that are registered at a path, and how far that can be trusted: what a client that balances load needs.
public struct AddressSnapshot: Hashable, Sendable {
    /// The whole set, as ZooKeeper told it last.
    public var set: AddressSet
    /// Since when the set has been this one.
    public var since: ContinuousClock.Instant
    /// Whether ZooKeeper is in reach, so that the set is of now. Otherwise it may have changed since; that is no reason to
    /// leave a server that works.
    public var isConnected: Bool

    /// A set and what is known about it.
    public init(set: AddressSet, since: ContinuousClock.Instant, isConnected: Bool) {
        self.set = set
        self.since = since
        self.isConnected = isConnected
    }

    /// What is known after a set has been read; `earlier` is what was known before.
    static func read(_ set: AddressSet, at now: ContinuousClock.Instant, after earlier: Self?) -> Self {
        let since = earlier?.set == set ? earlier?.since ?? now : now
        return AddressSnapshot(set: set, since: since, isConnected: true)
    }
}

/// The snapshots of an ``AddressWatcher``, for `for await`. One that nobody has fetched yet is replaced by a newer one.
public struct AddressSnapshotSequence: AsyncSequence, Sendable {
    public typealias Failure = Never
    let stream: AsyncStream<AddressSnapshot>

    /// Yields the newest snapshot; ends when the watcher does.
    public struct Iterator: AsyncIteratorProtocol {
        var base: AsyncStream<AddressSnapshot>.Iterator

        public mutating func next(isolation actor: isolated (any Actor)?) async -> AddressSnapshot? {
            await self.base.next(isolation: actor)
        }
    }

    public func makeAsyncIterator() -> Iterator { Iterator(base: self.stream.makeAsyncIterator()) }
}
