//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import NIOCore
public import ZODBFormat

/// One revision of an object as a transaction wrote it.
public struct StoredRecord: Hashable, Sendable {
    /// The object.
    public var oid: ObjectID
    /// The transaction that wrote the revision.
    public var tid: TransactionID
    /// The record; `nil` when the transaction undid the object's creation, or deleted it.
    public var data: ByteBuffer?
    /// The earlier transaction that wrote the same data, where this one only points at it, as an undo does.
    public var dataTransaction: TransactionID?

    /// A revision of an object.
    public init(oid: ObjectID, tid: TransactionID, data: ByteBuffer?, dataTransaction: TransactionID?) {
        self.oid = oid
        self.tid = tid
        self.data = data
        self.dataTransaction = dataTransaction
    }
}
