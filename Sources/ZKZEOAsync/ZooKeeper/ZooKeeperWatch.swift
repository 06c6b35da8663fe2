//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// A promise of ZooKeeper to tell once about the next change of something that was read.
///
/// Watches survive a broken connection: the client sets them again, and the server tells at once what was missed. They do
/// not survive their session.
public final class ZooKeeperWatch: Sendable {
    /// What happened.
    public enum Event: Hashable, Sendable {
        /// The node was created.
        case created
        /// The node was deleted.
        case deleted
        /// The node's data was set.
        case dataChanged
        /// A child was created or deleted.
        case childrenChanged
        /// The session ended, and the watch with it: anything may have happened since.
        case sessionLost
    }

    private let outcome = OneShot<(event: Event, order: UInt64)>()

    init() {}

    /// What happened, if it has happened.
    public var event: Event? { self.outcome.value?.event }

    /// Waits for the event. Any number of tasks may wait; throws `CancellationError` to those that are cancelled.
    public func fired() async throws -> Event { try await self.outcome.wait().event }

    /// When it fired, among all watches of its session.
    var order: UInt64? { self.outcome.value?.order }

    func fire(_ event: Event, order: UInt64) { self.outcome.set((event, order)) }
}
