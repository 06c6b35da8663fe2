//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import ZODBFormat

/// A transaction in the history of a storage, with the revisions that it wrote.
public struct StoredTransaction: Sendable {
    /// Its identifier.
    public var tid: TransactionID
    /// What became of it.
    public var status: TransactionStatus
    /// What it says about itself.
    public var metadata: TransactionMetadata

    private let openRecords: @Sendable () async throws -> any RecordCursor

    /// A transaction whose records `records` opens, as often as it is asked.
    public init(
        tid: TransactionID,
        status: TransactionStatus,
        metadata: TransactionMetadata,
        records: @escaping @Sendable () async throws -> any RecordCursor
    ) {
        self.tid = tid
        self.status = status
        self.metadata = metadata
        self.openRecords = records
    }

    /// What it wrote, from the first record on.
    public func records() async throws -> any RecordCursor { try await self.openRecords() }
}

/// A walk through transactions, oldest first.
///
/// It sees what was visible when it began, also while others commit and pack. One caller at a time.
public protocol TransactionCursor: AnyObject, Sendable {
    /// The next transaction; `nil` at the end, for ever.
    func next() async throws -> StoredTransaction?
}

/// A walk through the records of one transaction, in the order in which it wrote them. One caller at a time.
public protocol RecordCursor: AnyObject, Sendable {
    /// The next record; `nil` at the end, for ever.
    func next() async throws -> StoredRecord?
}
