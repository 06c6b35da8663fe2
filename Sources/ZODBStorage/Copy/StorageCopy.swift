//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
package import ZODBFormat

/// Copies the history of one storage into another: transactions with their tids, statuses and metadata, every revision,
/// and blobs where both storages keep them.
///
/// A copy goes on where the destination ends, so that one that was interrupted is continued by running it again. Memory
/// is needed for one transaction.
package struct StorageCopy: Sendable {
    /// What was copied.
    package struct Summary: Hashable, Sendable {
        package var transactions = 0
        package var records = 0
        /// Bytes of records.
        package var bytes = 0
        package var blobs = 0
        /// Blobs whose records were copied without their files, because one of the storages does not hand them over or
        /// the source has lost them.
        package var missingBlobs = 0
        /// The last transaction that the destination has.
        package var last = TransactionID.zero
    }

    /// How far a copy is.
    package struct Progress: Hashable, Sendable {
        /// Whether the copy is being compared with the source.
        package var isVerifying: Bool
        /// The last transaction.
        package var tid: TransactionID
        /// How many there were.
        package var transactions: Int
    }

    private let source: any Storage
    private let destination: any Storage
    private let progress: @Sendable (Progress) -> Void

    /// A copy from one storage to another, whose `progress` is told of every transaction.
    package init(
        from source: any Storage,
        to destination: any Storage,
        progress: @escaping @Sendable (Progress) -> Void = { _ in }
    ) {
        self.source = source
        self.destination = destination
        self.progress = progress
    }

    /// Copies everything behind the destination's last transaction that the source has when this begins. With `verifies`
    /// what was copied is then read from both and compared.
    ///
    /// Throws `StorageError.invalidArgument` when the destination has a transaction last that the source does not have,
    /// and `.corrupted` when the two differ after all.
    package func run(verifies: Bool = true) async throws -> Summary {
        let last = try await self.source.lastTransaction()
        let start = try await self.destination.lastTransaction()
        var summary = Summary()
        summary.last = start
        if start > .zero { try await self.checkContinuation(start) }
        guard last > start else { return summary }
        let cursor = try await self.source.transactions(from: start.successor, through: last)
        while let transaction = try await cursor.next() {
            try Task.checkCancellation()
            try await self.copy(transaction, &summary)
            self.progress(
                Progress(isVerifying: false, tid: transaction.tid, transactions: summary.transactions)
            )
        }
        if verifies, summary.last > start { try await self.verify(from: start.successor, through: summary.last) }
        return summary
    }

    /// The two must be the same up to where the copy goes on.
    private func checkContinuation(_ tid: TransactionID) async throws {
        let theirs = try await self.source.transactions(from: tid, through: tid).next()
        guard let theirs else {
            throw StorageError(
                .invalidArgument,
                "\(self.destination.traits.name) ends with transaction \(tid), which \(self.source.traits.name) does "
                    + "not have: it is no earlier copy of it, or the transaction has been packed away"
            )
        }
        if let ours = try await self.destination.transactions(from: tid, through: tid).next() {
            try await StorageComparison.compare(theirs, ours)
        }
    }

    // MARK: One transaction

    private func copy(_ transaction: StoredTransaction, _ summary: inout Summary) async throws {
        var draft = TransactionDraft(metadata: transaction.metadata)
        draft.tid = transaction.tid
        draft.status = transaction.status
        let records = try await transaction.records()
        while let record = try await records.next() {
            draft.operations.append(
                .restore(
                    record.oid,
                    serial: record.tid,
                    data: record.data,
                    dataTransaction: record.dataTransaction,
                    blob: try await self.blob(of: record, &summary)
                )
            )
            summary.records += 1
            summary.bytes += record.data?.readableBytes ?? 0
        }
        let vote: VoteID
        switch try await self.destination.vote(draft) {
        case .prepared(let prepared): vote = prepared
        case .conflicts(let conflicts):
            throw StorageError(
                .conflict,
                "\(self.destination.traits.name) is written by somebody else: object "
                    + "\(conflicts.first.map { "\($0.oid)" } ?? "") has changed"
            )
        }
        let tid = try await self.destination.finish(vote)
        guard tid == transaction.tid else {
            throw StorageError(
                .unsupported,
                "\(self.destination.traits.name) gave transaction \(transaction.tid) the tid \(tid)"
            )
        }
        summary.transactions += 1
        summary.last = tid
    }

    private func blob(of record: StoredRecord, _ summary: inout Summary) async throws -> UncommittedBlob? {
        guard let data = record.data, ObjectRecord.isBlob(data) else { return nil }
        guard let folder = self.destination.traits.blobStagingDirectory else {
            summary.missingBlobs += 1
            return nil
        }
        let file: PositionalFile
        do {
            file = try await self.source.openBlob(of: record.oid, at: record.tid).file
        } catch let error as StorageError where error.code == .noSuchObject || error.code == .unsupported {
            summary.missingBlobs += 1
            return nil
        }
        let path = "\(folder)/copy\(processIdentifier)-\(String(UInt64.random(in: .min ... .max), radix: 16)).tmp"
        let blob = UncommittedBlob(path: path)
        var output = SequentialOutput(try PositionalFile(path, .create))
        try output.copy(file, at: 0, count: try file.size())
        try output.finish()
        summary.blobs += 1
        return blob
    }

    // MARK: Comparing

    private func verify(from first: TransactionID, through last: TransactionID) async throws {
        let theirs = try await self.source.transactions(from: first, through: last)
        let ours = try await self.destination.transactions(from: first, through: last)
        var count = 0
        while let transaction = try await theirs.next() {
            try Task.checkCancellation()
            guard let copy = try await ours.next() else {
                throw StorageError(.corrupted, "transaction \(transaction.tid) is not in the copy")
            }
            try await StorageComparison.compare(transaction, copy)
            count += 1
            self.progress(Progress(isVerifying: true, tid: transaction.tid, transactions: count))
        }
        if let extra = try await ours.next() {
            throw StorageError(.corrupted, "transaction \(extra.tid) is in the copy and not in the source")
        }
    }
}
