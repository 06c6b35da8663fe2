//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import NIOCore
public import ZODBFormat

/// One transaction in the answer to `undoLog` and `undoInfo`.
public struct UndoEntry: Hashable, Sendable {
    /// The transaction.
    public var tid: TransactionID
    /// Who committed it, by custom as UTF-8.
    public var user: ByteBuffer
    /// What it did, by custom as UTF-8.
    public var description: ByteBuffer
    /// What else it says about itself.
    public var extensionItems: [PickleItem]
    /// Its length in bytes; `nil` where the storage does not tell.
    public var size: Int?

    /// A transaction that may be undone.
    public init(
        tid: TransactionID,
        user: ByteBuffer,
        description: ByteBuffer,
        extensionItems: [PickleItem],
        size: Int?
    ) {
        self.tid = tid
        self.user = user
        self.description = description
        self.extensionItems = extensionItems
        self.size = size
    }

    private static let ownKeys: Set<String> = ["id", "time", "user_name", "size", "description"]

    init?(wire value: PickleValue) {
        guard let items = value.wireItems, let text = items[wire: "id"]?.wireBytesOrText,
            let tid = TransactionID(base64: text), let user = items[wire: "user_name"]?.wireBytesOrText,
            let description = items[wire: "description"]?.wireBytesOrText
        else { return nil }
        self.init(
            tid: tid,
            user: user,
            description: description,
            extensionItems: items.without(Self.ownKeys),
            size: items[wire: "size"]?.wireInteger
        )
    }

    /// What the transaction says about itself wins over its own facts, as in Python's storages.
    private var items: [PickleItem] {
        var items = [
            PickleItem(.string("id"), .bytes(self.tid.base64)),
            PickleItem(.string("time"), .float(self.tid.secondsSince1970)),
            PickleItem(.string("user_name"), .bytes(self.user)),
        ]
        if let size = self.size { items.append(PickleItem(.string("size"), .int(size))) }
        items.append(PickleItem(.string("description"), .bytes(self.description)))
        // Only its own facts are looked for: a transaction may say a great deal about itself, and what it says twice the
        // reader takes as said last.
        let ownCount = items.count
        for item in self.extensionItems {
            if let place = items[..<ownCount].firstIndex(where: { $0.key == item.key }) {
                items[place] = item
            } else {
                items.append(item)
            }
        }
        return items
    }

    var wire: PickleValue { .dict(self.items) }

    /// Whether the description has all the entries of a specification; `None` stands for a missing one, too.
    public func matches(_ specification: [PickleItem]) -> Bool {
        let values = Dictionary(self.items.map { ($0.key, $0.value) }) { $1 }
        return specification.allSatisfy { (values[$0.key] ?? .none) == $0.value }
    }
}
