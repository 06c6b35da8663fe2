//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import NIOCore
public import ZODBFormat

/// A record in the answer to `iterator_record_next`.
public struct RecordEntry: Hashable, Sendable {
    /// The object.
    public var oid: ObjectID
    /// The transaction that wrote the revision.
    public var tid: TransactionID
    /// The record; `nil` where the object does not exist any more.
    public var data: ByteBuffer?
    /// The earlier transaction that wrote the same data, where the revision only points at it.
    public var dataTransaction: TransactionID?

    /// A revision that transaction `tid` wrote.
    public init(oid: ObjectID, tid: TransactionID, data: ByteBuffer?, dataTransaction: TransactionID?) {
        self.oid = oid
        self.tid = tid
        self.data = data
        self.dataTransaction = dataTransaction
    }

    init?(wire value: PickleValue) {
        guard let parts = value.wireElements, parts.count == 4, let oid = parts[0].wireOID,
            let tid = parts[1].wireTID, parts[2] == .none || parts[2].wireBytes != nil,
            let earlier = parts[3].wireTID
        else { return nil }
        self.init(
            oid: oid,
            tid: tid,
            data: parts[2].wireBytes,
            dataTransaction: parts[3] == .none ? nil : earlier
        )
    }

    var wire: PickleValue {
        .tuple([
            .wire(self.oid), .wire(self.tid), self.data.map { .bytes($0) } ?? .none, .wire(self.dataTransaction),
        ])
    }
}
