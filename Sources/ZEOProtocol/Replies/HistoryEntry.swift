//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import NIOCore
public import ZODBFormat

/// One revision in the answer to `history`.
public struct HistoryEntry: Hashable, Sendable {
    /// The transaction that wrote it.
    public var tid: TransactionID
    /// Who committed it, by custom as UTF-8.
    public var user: ByteBuffer
    /// What the transaction did, by custom as UTF-8.
    public var description: ByteBuffer
    /// What else the transaction says about itself.
    public var extensionItems: [PickleItem]
    /// The length of the record in bytes.
    public var size: Int

    /// A revision that transaction `tid` wrote.
    public init(
        tid: TransactionID,
        user: ByteBuffer,
        description: ByteBuffer,
        extensionItems: [PickleItem],
        size: Int
    ) {
        self.tid = tid
        self.user = user
        self.description = description
        self.extensionItems = extensionItems
        self.size = size
    }

    private static let ownKeys: Set<String> = ["time", "user_name", "description", "tid", "size"]

    init?(wire value: PickleValue) {
        guard let items = value.wireItems, let tid = items[wire: "tid"]?.wireTID,
            let user = items[wire: "user_name"]?.wireBytesOrText,
            let description = items[wire: "description"]?.wireBytesOrText, let size = items[wire: "size"]?.wireInteger
        else { return nil }
        self.init(
            tid: tid,
            user: user,
            description: description,
            extensionItems: items.without(Self.ownKeys),
            size: size
        )
    }

    /// The revision's own facts win over what the transaction says about itself.
    var wire: PickleValue {
        .dict(
            self.extensionItems.without(Self.ownKeys) + [
                PickleItem(.string("time"), .float(self.tid.secondsSince1970)),
                PickleItem(.string("user_name"), .bytes(self.user)),
                PickleItem(.string("description"), .bytes(self.description)),
                PickleItem(.string("tid"), .wire(self.tid)),
                PickleItem(.string("size"), .int(self.size)),
            ]
        )
    }
}

extension [PickleItem] {
    /// The items whose keys are none of these texts.
    func without(_ keys: Set<String>) -> [PickleItem] {
        self.filter { item in item.key.wireText.map { !keys.contains($0) } ?? true }
    }
}
