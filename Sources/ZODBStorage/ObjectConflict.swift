//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import NIOCore
public import ZODBFormat

/// An object that somebody else has changed in the meantime.
public struct ObjectConflict: Hashable, Sendable {
    /// The object that was to be written.
    public var oid: ObjectID
    /// The revision that is committed.
    public var committed: TransactionID
    /// The revision that the transaction started from.
    public var read: TransactionID
    /// The record that the transaction wanted to store.
    public var data: ByteBuffer

    /// A conflict over an object.
    public init(oid: ObjectID, committed: TransactionID, read: TransactionID, data: ByteBuffer) {
        self.oid = oid
        self.committed = committed
        self.read = read
        self.data = data
    }
}
