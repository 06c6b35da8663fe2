//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import NIOCore
public import ZODBFormat

/// The current revision of an object, met on a walk through all objects.
public struct CurrentRecord: Hashable, Sendable {
    /// The object.
    public var oid: ObjectID
    /// The transaction that wrote the revision.
    public var tid: TransactionID
    /// The record.
    public var data: ByteBuffer
    /// Where to ask for the next one; `nil` when this is the last object.
    public var next: ObjectID?

    /// The current revision of an object.
    public init(oid: ObjectID, tid: TransactionID, data: ByteBuffer, next: ObjectID?) {
        self.oid = oid
        self.tid = tid
        self.data = data
        self.next = next
    }
}
