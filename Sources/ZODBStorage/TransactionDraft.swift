//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import NIOCore
public import ZODBFormat

/// Everything that a transaction wants to do, collected before it votes.
public struct TransactionDraft: Sendable {
    /// One wish of a transaction.
    public enum Operation: Hashable, Sendable {
        /// Writes a revision of an object whose committed revision must be `serial` (`.zero` for a new object).
        ///
        /// Of several stores of one object the last one counts.
        case store(ObjectID, serial: TransactionID, data: ByteBuffer)
        /// Demands that the committed revision of an object that is only read still be `serial`.
        case checkCurrent(ObjectID, serial: TransactionID)
    }

    /// What the transaction says about itself.
    public var metadata: TransactionMetadata
    /// What it wants, in its order.
    public var operations: [Operation]
    /// Comes back in the `CommittedTransaction`, so that whoever committed can tell its own; 0 for nobody.
    public var origin: UInt64

    /// A transaction that wants to do these things.
    public init(metadata: TransactionMetadata = .init(), operations: [Operation] = [], origin: UInt64 = 0) {
        self.metadata = metadata
        self.operations = operations
        self.origin = origin
    }
}
