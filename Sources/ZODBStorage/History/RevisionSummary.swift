//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import ZODBFormat

/// What a storage knows about one revision of an object, without its data.
public struct RevisionSummary: Hashable, Sendable {
    /// The transaction that wrote it.
    public var tid: TransactionID
    /// The length of the record in bytes.
    public var size: Int
    /// What the transaction says about itself.
    public var metadata: TransactionMetadata

    /// A revision of an object.
    public init(tid: TransactionID, size: Int, metadata: TransactionMetadata) {
        self.tid = tid
        self.size = size
        self.metadata = metadata
    }
}
