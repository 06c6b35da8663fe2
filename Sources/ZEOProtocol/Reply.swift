//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import NIOCore
public import ZODBFormat

/// A server's answer to a call.
public enum Reply: Hashable, Sendable {
    /// A result.
    case value(PickleValue)
    /// The result of a load that found something.
    case revision(LoadedRevision)
    /// The call failed.
    case exception(RemoteException)

    var isException: Bool {
        if case .exception = self { return true }
        return false
    }

    func write(to writer: inout MessageWriter) {
        switch self {
        case .value(let value):
            writer.write(value)
        case .revision(let revision):
            writer.startTuple(3)
            writer.write(revision.data)
            writer.write(revision.tid)
            if let next = revision.next { writer.write(next) } else { writer.writeNone() }
            writer.endTuple(3)
        case .exception(let exception):
            writer.write(exception.wire)
        }
    }
}

/// A record with the time for which it is the current one, as `loadBefore` answers.
public struct LoadedRevision: Hashable, Sendable {
    public var data: ByteBuffer
    /// The transaction that wrote the record.
    public var tid: TransactionID
    /// The transaction that wrote the next revision; `nil` while this one is current.
    public var next: TransactionID?

    /// A record that `tid` wrote and `next` replaced.
    public init(data: ByteBuffer, tid: TransactionID, next: TransactionID?) {
        self.data = data
        self.tid = tid
        self.next = next
    }
}

/// A conflict that the server leaves to the client.
public struct ConflictReport: Hashable, Sendable {
    public var oid: ObjectID
    /// The revision that is committed.
    public var committed: TransactionID
    /// The revision that the transaction started from.
    public var read: TransactionID
    /// The record that the transaction wanted to store.
    public var data: ByteBuffer

    /// A conflict over one object.
    public init(oid: ObjectID, committed: TransactionID, read: TransactionID, data: ByteBuffer) {
        self.oid = oid
        self.committed = committed
        self.read = read
        self.data = data
    }
}

/// What the answer to a vote says about one object.
public enum VoteItem: Hashable, Sendable {
    /// The server merged two changes; the client's record is not the one that will be committed.
    case resolved(ObjectID)
    /// The client shall merge two changes, store the result on top of the committed revision, and vote again.
    case conflict(ConflictReport)
}
