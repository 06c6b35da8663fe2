//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import NIOCore
public import ZODBFormat

/// Everything that a transaction wants to do, collected before it votes.
public struct TransactionDraft: Sendable {
    /// One wish of a transaction.
    public enum Operation: Sendable {
        /// Writes a revision of an object whose committed revision must be `serial` (`.zero` for a new object).
        ///
        /// Of several stores of one object the last one counts.
        case store(ObjectID, serial: TransactionID, data: ByteBuffer)
        /// The same for an object that has a blob; the storage takes the blob's file over when the transaction commits.
        case storeBlob(ObjectID, serial: TransactionID, data: ByteBuffer, blob: UncommittedBlob)
        /// Demands that the committed revision of an object that is only read still be `serial`.
        case checkCurrent(ObjectID, serial: TransactionID)
        /// Takes back what an earlier transaction did to each of its objects, by writing the revisions before it again.
        case undo(TransactionID)
        /// Removes an object that the caller knows to be garbage, and whose committed revision must be `serial`.
        case delete(ObjectID, serial: TransactionID)
        /// Writes a revision as it is, without comparing anything: part of a history that is copied from elsewhere.
        ///
        /// `serial` is the tid that the revision had; `data` is `nil` where the object's creation was undone.
        /// `dataTransaction` names an earlier transaction that wrote the same data, so that it need not be written
        /// again; a storage that has packed that one away writes the data.
        case restore(
            ObjectID,
            serial: TransactionID,
            data: ByteBuffer?,
            dataTransaction: TransactionID?,
            blob: UncommittedBlob?
        )
    }

    /// What the transaction says about itself.
    public var metadata: TransactionMetadata
    /// What it wants, in its order.
    public var operations: [Operation]
    /// Comes back in the `CommittedTransaction`, so that whoever committed can tell its own; 0 for nobody.
    public var origin: UInt64
    /// The tid that the transaction shall have, because it is copied from elsewhere; it must be greater than every
    /// other. `nil` for all others.
    public var tid: TransactionID?
    /// The status that the transaction shall have, because it is copied from elsewhere.
    public var status: TransactionStatus = .committed
    /// Whether the storage merges what can be merged without the application (`BTrees.Length`, the BTrees) where this
    /// transaction and others have changed the same objects, also when it undoes. Default: false.
    public var mergesConflicts = false
    /// Whether the storage keeps the place of a vote that ends in conflicts for the next vote of the same origin, so that
    /// nobody commits until the conflicts are resolved. Whoever asks for this has to call `yieldPlace(of:)` when that vote
    /// is not to come, or does not come in time. It is kept once only; a next vote that still conflicts has to queue again.
    /// Default: false. Only for drafts with an origin.
    public var keepsPlaceInConflict = false

    /// A transaction that wants to do these things.
    public init(metadata: TransactionMetadata = .init(), operations: [Operation] = [], origin: UInt64 = 0) {
        self.metadata = metadata
        self.operations = operations
        self.origin = origin
    }
}
