//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import ZODBFormat

/// Whether two storages have the same transaction.
enum StorageComparison {
    /// Throws `StorageError.corrupted`, with what differs, when the transactions are not equal.
    static func compare(_ theirs: StoredTransaction, _ ours: StoredTransaction) async throws {
        let tid = theirs.tid
        func differ(_ what: String) -> StorageError {
            StorageError(.corrupted, "the copy differs in transaction \(tid): \(what)")
        }
        guard ours.tid == tid else { throw differ("it has \(ours.tid) there") }
        guard ours.status == theirs.status else { throw differ("the status") }
        guard ours.metadata.user == theirs.metadata.user else { throw differ("the user") }
        guard ours.metadata.description == theirs.metadata.description else { throw differ("the description") }
        guard ours.metadata.hasExtension(of: theirs.metadata) else { throw differ("the extension") }
        let (left, right) = (try await theirs.records(), try await ours.records())
        while let record = try await left.next() {
            guard let copy = try await right.next() else { throw differ("object \(record.oid) is missing") }
            guard copy.oid == record.oid else { throw differ("object \(copy.oid) in the place of \(record.oid)") }
            guard copy.data == record.data else { throw differ("the data of object \(record.oid)") }
        }
        if let extra = try await right.next() { throw differ("object \(extra.oid) is too much") }
    }
}

extension TransactionMetadata {
    /// Whether the extensions say the same. One that came over the wire is pickled anew.
    fileprivate func hasExtension(of other: TransactionMetadata) -> Bool {
        if self.extensionData == other.extensionData { return true }
        func items(_ data: ByteBuffer) -> [PickleItem]? {
            var data = data
            if data.readableBytes == 0 { return [] }
            return (try? PickleReader().read(from: &data))?.asItems
        }
        guard let mine = items(self.extensionData), let theirs = items(other.extensionData) else { return false }
        return Set(mine) == Set(theirs)
    }
}
