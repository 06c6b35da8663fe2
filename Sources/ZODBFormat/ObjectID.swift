//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// The identity of an object in a database (ZODB's *oid*): eight bytes, most significant first, on disk and on the wire.
///
/// Object identifiers are handed out by a storage, never reused, and mean nothing but identity.
public struct ObjectID: EightByteIdentifier {
    /// The eight bytes read as one big-endian number.
    public var rawValue: UInt64

    /// The identifier whose eight bytes are `rawValue`, most significant byte first.
    @inlinable
    public init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    /// The root object of every database.
    public static let root = ObjectID(rawValue: 0)
}
