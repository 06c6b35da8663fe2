//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// The name of a prepared transaction within its storage.
public struct VoteID: Hashable, Sendable {
    /// A number that the storage has not used for another vote since it was opened.
    public var rawValue: UInt64

    /// The vote with a number.
    public init(rawValue: UInt64) {
        self.rawValue = rawValue
    }
}
