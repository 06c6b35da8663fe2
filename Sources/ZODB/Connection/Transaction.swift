//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import ZODBFormat

/// A transaction of a connection: the snapshot that it reads, and what it will say about itself.
public struct Transaction: Sendable {
    /// The last transaction whose changes are seen. What was committed later is not.
    public let snapshot: TransactionID

    /// Who commits it. Empty when nobody says.
    public var user: String

    /// What it does, for the people who read the history.
    public var note: String

    /// Objects that must still be as they were read when the transaction commits, with the revisions that were read.
    var mustBeCurrent: [ObjectID: TransactionID] = [:]

    init(snapshot: TransactionID, user: String = "", note: String = "") {
        self.snapshot = snapshot
        self.user = user
        self.note = note
    }
}
