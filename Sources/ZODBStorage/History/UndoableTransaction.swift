//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import ZODBFormat

/// A transaction that may be undone.
public struct UndoableTransaction: Hashable, Sendable {
    /// Its identifier.
    public var tid: TransactionID
    /// The length of its record in bytes; `nil` where the storage does not tell.
    public var size: Int?
    /// What it says about itself.
    public var metadata: TransactionMetadata

    /// A transaction that may be undone.
    public init(tid: TransactionID, size: Int?, metadata: TransactionMetadata) {
        self.tid = tid
        self.size = size
        self.metadata = metadata
    }
}
