//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import NIOCore
public import ZODBFormat

/// The answer to `record_iternext`: the current revision of an object, and where the next one is.
public struct CurrentRecordEntry: Hashable, Sendable {
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

    init?(wire value: PickleValue) {
        guard let parts = value.wireElements, parts.count == 4, let oid = parts[0].wireOID,
            let tid = parts[1].wireTID, let data = parts[2].wireBytes,
            parts[3] == .none || parts[3].wireOID != nil
        else { return nil }
        self.init(oid: oid, tid: tid, data: data, next: parts[3].wireOID)
    }

    var wire: PickleValue {
        .tuple([.wire(self.oid), .wire(self.tid), .bytes(self.data), .wire(self.next)])
    }
}
