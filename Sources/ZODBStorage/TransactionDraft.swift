//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import NIOCore
public import ZODBFormat

/// What a transaction says about itself.
public struct TransactionMetadata: Hashable, Sendable {
    /// Who committed it: UTF-8 by custom, at most 65,535 bytes.
    public var user: ByteBuffer
    /// What it did: UTF-8 by custom, at most 65,535 bytes.
    public var description: ByteBuffer
    /// A pickled dictionary of anything else, at most 65,535 bytes; empty when there is nothing else.
    public var extensionData: ByteBuffer

    public init(user: ByteBuffer = .init(), description: ByteBuffer = .init(), extensionData: ByteBuffer = .init()) {
        self.user = user
        self.description = description
        self.extensionData = extensionData
    }
}

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

    public var metadata: TransactionMetadata
    public var operations: [Operation]
    /// Comes back in the `CommittedTransaction`, so that whoever committed can tell its own; 0 for nobody.
    public var origin: UInt64

    public init(metadata: TransactionMetadata = .init(), operations: [Operation] = [], origin: UInt64 = 0) {
        self.metadata = metadata
        self.operations = operations
        self.origin = origin
    }
}

/// The name of a prepared transaction within its storage.
public struct VoteID: Hashable, Sendable {
    public var rawValue: UInt64

    public init(rawValue: UInt64) {
        self.rawValue = rawValue
    }
}

/// How a vote ended.
public enum VoteOutcome: Sendable {
    /// The transaction can be finished.
    case prepared(VoteID)
    /// Objects have newer revisions than the ones that the transaction started from. Nothing is held.
    case conflicts([ObjectConflict])
}

/// An object that somebody else has changed in the meantime.
public struct ObjectConflict: Hashable, Sendable {
    public var oid: ObjectID
    /// The revision that is committed.
    public var committed: TransactionID
    /// The revision that the transaction started from.
    public var read: TransactionID
    /// The record that the transaction wanted to store.
    public var data: ByteBuffer

    public init(oid: ObjectID, committed: TransactionID, read: TransactionID, data: ByteBuffer) {
        self.oid = oid
        self.committed = committed
        self.read = read
        self.data = data
    }
}

/// A transaction that has become visible.
public struct CommittedTransaction: Hashable, Sendable {
    public var tid: TransactionID
    /// The objects that it wrote, each once.
    public var oids: [ObjectID]
    /// The `origin` of its draft; 0 when that is not known.
    public var origin: UInt64

    public init(tid: TransactionID, oids: [ObjectID], origin: UInt64 = 0) {
        self.tid = tid
        self.oids = oids
        self.origin = origin
    }
}

/// Follows what becomes visible in a storage.
public protocol StorageObserver: AnyObject, Sendable {
    /// A transaction has become visible. Called in the order of tids, never twice at once for one observer, before the
    /// transaction's `finish` returns; must not block and must not call the storage's writing methods.
    func storageDidCommit(_ transaction: CommittedTransaction)

    /// More was committed than the storage can tell one by one (it is remote and was out of reach for too long):
    /// everything known about objects is doubtful, and the last transaction is now `tid`.
    func storageDidLoseTrack(now tid: TransactionID)
}
