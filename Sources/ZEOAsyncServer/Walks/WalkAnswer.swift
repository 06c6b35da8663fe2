//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import ZEOProtocol
import ZODBFormat
import ZODBStorage

/// What a walk found, and the answer as it is sent.
struct WalkAnswer: Sendable {
    let finding: StorageWalk.Finding
    /// `nil` where the answer is the number of a walk, which the connection gives it.
    let frame: ByteBuffer?

    /// Writes down the answer to the call `id`. Throws `FormatError` when it would be longer than `limit`.
    init(
        _ finding: StorageWalk.Finding,
        to id: MessageID,
        _ format: WireFormat,
        limit: Int
    ) throws(FormatError) {
        self.finding = finding
        guard let reply = finding.reply else {
            self.frame = nil
            return
        }
        var frame = ByteBuffer()
        try format.encode(.reply(id, reply), into: &frame, limit: limit)
        self.frame = frame
    }
}

extension StorageWalk.Finding {
    /// The answer, as far as it does not depend on what else the client does.
    fileprivate var reply: Reply? {
        switch self {
        case .reply(let reply): reply
        case .transactions, .records: nil
        case .transaction(_, let transaction): .transaction(transaction.map { TransactionEntry($0) })
        case .record(_, let record): .record(record.map { RecordEntry($0) })
        }
    }
}

extension TransactionEntry {
    fileprivate init(_ transaction: StoredTransaction) {
        self.init(
            tid: transaction.tid,
            status: String(UnicodeScalar(transaction.status.rawValue)),
            user: transaction.metadata.user,
            description: transaction.metadata.description,
            extensionItems: [PickleItem](extensionPickle: transaction.metadata.extensionData)
        )
    }
}

extension RecordEntry {
    fileprivate init(_ record: StoredRecord) {
        self.init(
            oid: record.oid,
            tid: record.tid,
            data: record.data,
            dataTransaction: record.dataTransaction
        )
    }
}
