//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ZODBFormat

/// One walk after another.
actor ChainedTransactionCursor: TransactionCursor {
    private var cursors: ArraySlice<any TransactionCursor>

    /// A walk through all of `cursors`.
    init(_ cursors: [any TransactionCursor]) {
        self.cursors = cursors[...]
    }

    func next() async throws -> StoredTransaction? {
        while let cursor = self.cursors.first {
            if let transaction = try await cursor.next() { return transaction }
            if self.cursors.first === cursor { self.cursors.removeFirst() }
        }
        return nil
    }
}
