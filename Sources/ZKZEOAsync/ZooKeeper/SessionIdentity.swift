//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// What a client shows to go on with a session.
public struct SessionIdentity: Hashable, Sendable {
    /// The number that ephemeral nodes carry as their owner.
    public var id: Int64
    /// Sixteen bytes. Whoever knows them can take the session over, or end it.
    public var password: [UInt8]

    /// Makes an identity from what another program noted.
    public init(id: Int64, password: [UInt8]) {
        self.id = id
        self.password = password
    }
}
