//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// The servers that are registered at a path.
public struct AddressSet: Hashable, Sendable {
    /// The registered addresses, sorted. Children whose names are no addresses are left out here.
    public var addresses: [ServiceAddress]
    /// The names of all children, sorted by their bytes. zc.zk hands these over; its users take every name for an address.
    public var names: [String]
    /// Whether the path leads to a node. Without one there are no addresses; zc.zk raises `NoNodeError` when it starts so.
    public var pathExists: Bool

    /// Makes the set for the children of a node; nil for no node.
    public init(names: [String]?) {
        self.names = (names ?? []).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        self.addresses = Set((names ?? []).compactMap(ServiceAddress.init)).sorted()
        self.pathExists = names != nil
    }
}

/// The sets of an ``AddressWatcher``, for `for await`. A set that nobody has fetched yet is replaced by a newer one.
public struct AddressSequence: AsyncSequence, Sendable {
    public typealias Failure = Never
    let stream: AsyncStream<AddressSet>

    /// Yields the newest set; ends when the watcher does.
    public struct Iterator: AsyncIteratorProtocol {
        var base: AsyncStream<AddressSet>.Iterator

        public mutating func next(isolation actor: isolated (any Actor)?) async -> AddressSet? {
            await self.base.next(isolation: actor)
        }
    }

    public func makeAsyncIterator() -> Iterator { Iterator(base: self.stream.makeAsyncIterator()) }
}
