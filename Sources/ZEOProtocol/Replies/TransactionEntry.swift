//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import NIOCore
public import ZODBFormat

/// A transaction in the answer to `iterator_next`.
public struct TransactionEntry: Hashable, Sendable {
    /// The transaction.
    public var tid: TransactionID
    /// What became of it: a space, or `p` when a pack has gone through it.
    public var status: String
    /// Who committed it, by custom as UTF-8.
    public var user: ByteBuffer
    /// What it did, by custom as UTF-8.
    public var description: ByteBuffer
    /// What else it says about itself.
    public var extensionItems: [PickleItem]

    /// A transaction that a walk has met.
    public init(
        tid: TransactionID,
        status: String = " ",
        user: ByteBuffer,
        description: ByteBuffer,
        extensionItems: [PickleItem]
    ) {
        self.tid = tid
        self.status = status
        self.user = user
        self.description = description
        self.extensionItems = extensionItems
    }

    init?(wire value: PickleValue) {
        guard let parts = value.wireElements, parts.count == 5, let tid = parts[0].wireTID,
            let status = parts[1].wireText, let user = parts[2].wireBytesOrText,
            let description = parts[3].wireBytesOrText,
            let items = parts[4] == .none ? [] : parts[4].wireItems
        else { return nil }
        self.init(tid: tid, status: status, user: user, description: description, extensionItems: items)
    }

    var wire: PickleValue {
        .tuple([
            .wire(self.tid),
            .string(self.status),
            .bytes(self.user),
            .bytes(self.description),
            .dict(self.extensionItems),
        ])
    }
}
