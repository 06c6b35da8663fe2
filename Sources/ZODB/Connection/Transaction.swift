//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
public import ZODBFormat
import ZODBStorage

/// A transaction of a connection: the snapshot that it reads, and what it will say about itself.
public struct Transaction: Sendable {
    /// The last transaction whose changes are seen. What was committed later is not.
    public let snapshot: TransactionID

    /// Who commits it. Empty when nobody says.
    public var user: String

    /// What it does, for the people who read the history.
    public var note: String

    /// Anything else that it says about itself, by name.
    public var extended: [String: PickleValue] = [:]

    /// Objects that must still be as they were read when the transaction commits, with the revisions that were read.
    var mustBeCurrent: [ObjectID: TransactionID] = [:]

    init(snapshot: TransactionID, user: String = "", note: String = "") {
        self.snapshot = snapshot
        self.user = user
        self.note = note
    }

    /// What it says about itself, as storages keep it.
    var metadata: TransactionMetadata {
        var metadata = TransactionMetadata(
            user: ByteBuffer(string: self.user),
            description: ByteBuffer(string: self.note)
        )
        if !self.extended.isEmpty {
            let items = self.extended.sorted { $0.key < $1.key }.map { PickleItem(.string($0.key), $0.value) }
            PickleWriter().write(.dict(items), into: &metadata.extensionData)
        }
        return metadata
    }
}
