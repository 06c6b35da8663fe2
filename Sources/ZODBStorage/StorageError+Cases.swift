//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ZODBFormat

extension StorageError {
    /// The error of a call that came after `close()`.
    static var closed: StorageError { StorageError(.closed, "the storage is closed") }

    /// The error of a vote in a storage that was opened for reading only.
    static var readOnly: StorageError { StorageError(.readOnly, "the storage was opened for reading only") }

    /// The error of a `finish` without its vote.
    static func noSuchVote(_ vote: VoteID) -> StorageError {
        StorageError(.noSuchVote, "vote \(vote.rawValue) is not held; it was finished or aborted, or never prepared")
    }

    /// The error of a `finish` at the end of time.
    static var noTransactionID: StorageError {
        StorageError(.tooLarge, "there is no transaction identifier left behind the last one and the clock")
    }

    /// The error of a load that finds no object.
    static func noSuchObject(_ oid: ObjectID) -> StorageError {
        StorageError(.noSuchObject, "there is no object \(oid)", oid: oid)
    }

    /// The error of a load that finds the object, and no revision of it that `tid` wrote.
    static func noSuchRevision(_ oid: ObjectID, _ tid: TransactionID) -> StorageError {
        StorageError(.noSuchObject, "transaction \(tid) wrote no revision of object \(oid)", oid: oid)
    }

    /// The error of an undo of a transaction that is not there. Says it in Python's words, which its
    /// users know.
    static var invalidUndo: StorageError { StorageError(.undoFailed, "Invalid transaction id") }

    /// The error of an undo of a transaction that a pack has gone through.
    static var notUndoable: StorageError {
        StorageError(.undoFailed, "non-undoable transaction")
    }

    /// The error of an undo that meets later changes.
    static func undoFailed(_ tid: TransactionID, _ problems: [(oid: ObjectID, problem: String)]) -> StorageError {
        // The first few say enough in a log.
        let sentences = problems.prefix(10).map { "object \($0.oid): \($0.problem)" }.joined(separator: "; ")
        var error = StorageError(.undoFailed, "transaction \(tid) cannot be undone: \(sentences)")
        error.undoProblems = problems
        return error
    }

    /// The error of something that this kind of storage cannot do.
    static func unsupported(_ what: String, _ storage: some Storage) -> StorageError {
        StorageError(.unsupported, "\(storage.traits.name) cannot \(what)")
    }
}
