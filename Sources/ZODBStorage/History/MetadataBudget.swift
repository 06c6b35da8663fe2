//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// How much a list may hold of what transactions say about themselves. A list ends behind the entry that uses up the rest.
struct MetadataBudget {
    /// How many bytes are left; none or fewer when it is spent.
    private(set) var left: Int

    /// A budget of so many bytes.
    init(_ byteCount: Int) {
        self.left = byteCount
    }

    /// Whether nothing is left.
    var isSpent: Bool { self.left <= 0 }

    /// An entry is in the list.
    mutating func spend(_ metadata: TransactionMetadata) {
        self.left -= metadata.user.readableBytes + metadata.description.readableBytes
        self.left -= metadata.extensionData.readableBytes
    }

    /// The beginning of a list that is complete already.
    mutating func prefix<Entry>(of entries: [Entry], _ metadata: (Entry) -> TransactionMetadata) -> [Entry] {
        let end = entries.firstIndex { entry in
            if self.isSpent { return true }
            self.spend(metadata(entry))
            return false
        }
        return end.map { Array(entries[..<$0]) } ?? entries
    }
}
