//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import NIOCore
public import ZODBFormat

/// A client's own name for its transaction: any plain value, by custom a number.
public struct TransactionToken: Hashable, Sendable {
    /// The value as the client gave it.
    public var value: PickleValue

    /// A token with a given value.
    public init(_ value: PickleValue) {
        self.value = value
    }

    /// A token that is a number.
    public init(_ number: Int) {
        self.value = .int(number)
    }
}

/// What a client says about a transaction when it begins one.
public struct TransactionBeginning: Hashable, Sendable {
    public var token: TransactionToken
    /// Who commits, by custom as UTF-8.
    public var user: ByteBuffer
    /// What the transaction does, by custom as UTF-8.
    public var description: ByteBuffer
    /// A dictionary of anything else; empty when there is nothing else.
    public var extensionItems: [PickleItem]
    /// The tid that the transaction shall get, where the client restores a history.
    public var tid: TransactionID?
    /// The status of a restored transaction; a space for all others.
    public var status: String

    /// The beginning of a transaction.
    public init(
        token: TransactionToken,
        user: ByteBuffer = .init(),
        description: ByteBuffer = .init(),
        extensionItems: [PickleItem] = [],
        tid: TransactionID? = nil,
        status: String = " "
    ) {
        self.token = token
        self.user = user
        self.description = description
        self.extensionItems = extensionItems
        self.tid = tid
        self.status = status
    }
}

/// What a client asks a server to do.
public enum ServerCall: Hashable, Sendable {
    /// Chooses the storage; the first call of all. Answered with the last tid.
    case register(storage: String, isReadOnly: Bool)
    /// Answered with a `ServerInformation`.
    case getInfo
    /// Answered with a tid.
    case lastTransaction
    /// What has changed after a tid. Answered with the last tid and the objects, or with `None` when too much has.
    case getInvalidations(after: TransactionID)
    /// Answered with a list of at most 100 new object identifiers.
    case newObjectIDs(Int)
    /// Answered with one new object identifier.
    case newObjectID
    /// Answered with a `LoadedRevision`, or with `None` when the object was created later.
    case loadBefore(ObjectID, TransactionID)
    /// Answered with the record that a transaction wrote.
    case loadSerial(ObjectID, TransactionID)
    /// Answered with the tid of the current revision.
    case getTid(ObjectID)
    /// Begins a transaction. By custom asynchronous.
    case begin(TransactionBeginning)
    /// Stores a record. By custom asynchronous.
    case store(ObjectID, serial: TransactionID, data: ByteBuffer, TransactionToken)
    /// Demands that an object not change. By custom asynchronous.
    case checkCurrent(ObjectID, serial: TransactionID, TransactionToken)
    /// Writes a revision of a copied history, without comparing anything. `data` is `nil` where the object's creation was
    /// undone; `dataTransaction` wrote the same data earlier. By custom asynchronous.
    case restore(
        ObjectID,
        serial: TransactionID,
        data: ByteBuffer?,
        dataTransaction: TransactionID?,
        TransactionToken
    )
    /// Removes an object that is garbage. By custom asynchronous.
    case delete(ObjectID, serial: TransactionID, TransactionToken)
    /// Takes back what an earlier transaction did. By custom asynchronous.
    case undo(TransactionID, TransactionToken)
    /// The contents of a blob follow, in chunks. By custom asynchronous.
    case storeBlobStart
    /// A piece of the blob that was started. By custom asynchronous.
    case storeBlobChunk(ByteBuffer)
    /// The blob that was started is complete, and belongs to this object. By custom asynchronous.
    case storeBlobEnd(ObjectID, serial: TransactionID, data: ByteBuffer, TransactionToken)
    /// A blob is in a file of this name, in the object's folder in the blob directory that client and server share. By
    /// custom asynchronous.
    case storeBlobShared(ObjectID, serial: TransactionID, data: ByteBuffer, filename: String, TransactionToken)
    /// First phase. Answered with a list of `VoteItem`s once the commit lock is held.
    case vote(TransactionToken)
    /// Second phase. Answered with the tid.
    case finish(TransactionToken)
    /// Gives up a transaction. Answered with `None`.
    case abort(TransactionToken)
    /// Answered with `None`.
    case ping
    /// The newest revisions of an object, at most `limit`. Answered with a list of `HistoryEntry`s.
    case history(ObjectID, limit: Int)
    /// Transactions that may be undone, newest first: those from place `first` on and before place `last`; when `last`
    /// is negative, so many. Answered with a list of `UndoEntry`s.
    case undoLog(first: Int, last: Int)
    /// The same of those that have all the entries of a specification; `nil` for no specification.
    case undoInfo(first: Int, last: Int, specification: [PickleItem]?)
    /// Removes what has not been needed since a moment, in seconds since 1970. Answered with `None`: when it is done, or
    /// at once.
    case pack(time: Double, isWaited: Bool)
    /// The current revision of the first object that is not before an object, or of the first of all. Answered with a
    /// `CurrentRecordEntry`.
    case currentRecord(atOrAfter: ObjectID?)
    /// Wants the file of a blob. Answered with `None` behind the last of the calls that bring it.
    case sendBlob(ObjectID, TransactionID)
    /// Begins a walk through the transactions of a range, both ends included. Answered with a number for the walk.
    case iteratorStart(from: TransactionID?, through: TransactionID?)
    /// The next transaction of a walk. Answered with a `TransactionEntry`, or `None` at the end.
    case iteratorNext(Int)
    /// Begins a walk through the records of the transaction that another walk has met last. Answered with a number.
    case iteratorRecordStart(Int, TransactionID)
    /// The next record of a walk. Answered with a `RecordEntry`, or `None` at the end.
    case iteratorRecordNext(Int)
    /// Ends walks. By custom asynchronous.
    case iteratorsDropped([Int])
    /// Answered with a dictionary of statistics.
    case serverStatus
    /// A name for the client in the server's log. By custom asynchronous.
    case setClientLabel(String)
    /// Shows that the client lives. Not answered.
    case keepAlive
    /// A method without a typed form here, or of which nobody has heard.
    case other(method: String, arguments: [PickleValue])
    /// A question about an object that gives `None` in its place. There is no such object.
    case aboutNoObject(method: String)
    /// A method that is known, with arguments that make no sense.
    case malformed(method: String, problem: String)
}
