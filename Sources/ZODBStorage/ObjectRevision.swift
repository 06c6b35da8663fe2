//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import NIOCore
public import ZODBFormat

/// One revision of an object and the time for which it was the current one.
public struct ObjectRevision: Hashable, Sendable {
    /// The record: two pickles, the class and the state.
    public var data: ByteBuffer
    /// The transaction that wrote it.
    public var tid: TransactionID
    /// The transaction that wrote the next revision; `nil` while this one is current.
    public var next: TransactionID?

    /// A revision of an object.
    public init(data: ByteBuffer, tid: TransactionID, next: TransactionID?) {
        self.data = data
        self.tid = tid
        self.next = next
    }
}
