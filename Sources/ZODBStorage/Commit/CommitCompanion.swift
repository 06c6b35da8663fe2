//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ZODBFormat

/// What belongs to a transaction and lies elsewhere than its records: the files of its blobs.
protocol CommitCompanion: Sendable {
    /// Puts everything into its place. Called once, when the tid is known and nothing of the transaction is written, while
    /// the vote holds its place in the storage. When this throws, nothing is left behind and nothing is committed.
    func place(for tid: TransactionID) throws

    /// Returns when what was put into place would survive a loss of power. Called before the first byte of the
    /// transaction's records is written.
    func synchronize() throws

    /// Removes what was put into place: the transaction is not committed, and nothing of its records is left.
    func withdraw()
}

/// A storage that tells the tid of a transaction before anything of it becomes durable.
protocol CompanionedStorage: LocalStorage {
    /// `finish(_:)`, with `companion` put into place and made durable first.
    func finish(_ vote: VoteID, with companion: (any CommitCompanion)?) async throws -> TransactionID

    /// Returns when the transaction `tid`, which was committed before or is about to become durable, is visible.
    ///
    /// Throws `StorageError.writeFailed` when the disk refuses it.
    func published(through tid: TransactionID) async throws
}

extension CompanionedStorage {
    /// What is committed is visible, unless the storage says otherwise.
    func published(through tid: TransactionID) async throws {}
}

extension CompanionedStorage where Self: StorageWrapper {
    func published(through tid: TransactionID) async throws {
        try await (self.base as? any CompanionedStorage)?.published(through: tid)
    }
}

extension LocalStorage {
    /// `finish(_:)`, with a companion where there is one.
    ///
    /// Throws `StorageError.unsupported` when the storage does not tell its tids early.
    func finish(
        _ vote: VoteID,
        accompaniedBy companion: (any CommitCompanion)?
    ) async throws -> TransactionID {
        if let companioned = self as? any CompanionedStorage {
            return try await companioned.finish(vote, with: companion)
        }
        guard companion == nil else { throw StorageError.unsupported("be told of blobs before it commits", self) }
        return try await self.finish(vote)
    }
}
