//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import ZODBFormat

/// A transaction that has become visible.
public struct CommittedTransaction: Hashable, Sendable {
    /// Its identifier.
    public var tid: TransactionID
    /// The objects that it wrote, each once.
    public var oids: [ObjectID]
    /// The `origin` of its draft; 0 when that is not known.
    public var origin: UInt64

    /// A transaction that wrote these objects.
    public init(tid: TransactionID, oids: [ObjectID], origin: UInt64 = 0) {
        self.tid = tid
        self.oids = oids
        self.origin = origin
    }
}
