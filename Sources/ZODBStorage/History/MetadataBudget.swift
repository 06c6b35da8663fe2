//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// How much a list may hold of what transactions say about themselves. A list ends behind the entry that uses up the rest.
package struct MetadataBudget {
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

    /// The beginning of a list that is complete already, for which there are so many bytes.
    package static func prefix<Entry>(
        _ byteCount: Int,
        of entries: [Entry],
        _ metadata: (Entry) -> TransactionMetadata
    ) -> [Entry] {
        var budget = MetadataBudget(byteCount)
        let end = entries.firstIndex { entry in
            if budget.isSpent { return true }
            budget.spend(metadata(entry))
            return false
        }
        return end.map { Array(entries[..<$0]) } ?? entries
    }
}
