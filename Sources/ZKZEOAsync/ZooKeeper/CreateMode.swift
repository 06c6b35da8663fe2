//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// How long a node lives, and who completes its name.
public struct CreateMode: Hashable, Sendable {
    enum Kind: Int32 {
        case persistent = 0, ephemeral = 1, persistentSequential = 2, ephemeralSequential = 3, container = 4
        case persistentWithTTL = 5, persistentSequentialWithTTL = 6
    }

    let kind: Kind
    /// In milliseconds; nil for the kinds without.
    let timeToLive: Int64?

    private init(_ kind: Kind, timeToLive: Duration? = nil) {
        self.kind = kind
        self.timeToLive = timeToLive.map(\.wholeMilliseconds)
    }

    /// Lives until it is deleted.
    public static let persistent = CreateMode(.persistent)
    /// Lives as long as the session.
    public static let ephemeral = CreateMode(.ephemeral)
    /// Lives until it is deleted; the server appends ten digits to its name.
    public static let persistentSequential = CreateMode(.persistentSequential)
    /// Lives as long as the session; the server appends ten digits to its name.
    public static let ephemeralSequential = CreateMode(.ephemeralSequential)
    /// Lives until its last child has been deleted, more or less.
    public static let container = CreateMode(.container)

    /// Lives until nothing has changed for a while and it has no children; servers must be set to allow it.
    public static func persistent(timeToLive: Duration) -> CreateMode {
        CreateMode(.persistentWithTTL, timeToLive: timeToLive)
    }

    /// The same with ten digits appended to the name.
    public static func persistentSequential(timeToLive: Duration) -> CreateMode {
        CreateMode(.persistentSequentialWithTTL, timeToLive: timeToLive)
    }
}

extension Duration {
    /// Rounded down.
    var wholeMilliseconds: Int64 {
        let (seconds, attoseconds) = self.components
        return seconds * 1000 + attoseconds / 1_000_000_000_000_000
    }
}
