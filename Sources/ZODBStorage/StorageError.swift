//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import ZODBFormat

/// Why a storage did not do what it was asked to.
public struct StorageError: Error, Sendable, CustomStringConvertible {
    /// The kinds of errors.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Kind: String {
            case noSuchObject, readConflict, conflict, readOnly, noSuchVote, closed, locked, corrupted
            case unsupportedFormat, writeFailed, quotaExceeded, tooLarge, disconnected, invalidArgument, unsupported
            case refused, packing, undoFailed
        }

        private var kind: Kind

        /// The object does not exist, or not at that time (Python's `POSKeyError`).
        public static let noSuchObject = Code(kind: .noSuchObject)
        /// An object that was only read has changed since. Begin the transaction again.
        public static let readConflict = Code(kind: .readConflict)
        /// An object that was to be written has changed since. Begin the transaction again.
        public static let conflict = Code(kind: .conflict)
        /// The storage was opened for reading only.
        public static let readOnly = Code(kind: .readOnly)
        /// The vote is not held: it was never prepared, or has been finished or aborted.
        public static let noSuchVote = Code(kind: .noSuchVote)
        /// The storage is closed.
        public static let closed = Code(kind: .closed)
        /// Another process has the file open for writing.
        public static let locked = Code(kind: .locked)
        /// The file contradicts itself. Nothing was changed; see the message for the position.
        public static let corrupted = Code(kind: .corrupted)
        /// The file is of a kind that cannot be read here.
        public static let unsupportedFormat = Code(kind: .unsupportedFormat)
        /// The disk refused a write. The transaction is not committed, unless the message says that this is not known.
        public static let writeFailed = Code(kind: .writeFailed)
        /// The storage has grown to the size that it may have. The transaction is not committed.
        public static let quotaExceeded = Code(kind: .quotaExceeded)
        /// Something is longer than the format can say.
        public static let tooLarge = Code(kind: .tooLarge)
        /// The storage is remote and out of reach. Try again.
        public static let disconnected = Code(kind: .disconnected)
        /// An argument makes no sense; see the message.
        public static let invalidArgument = Code(kind: .invalidArgument)
        /// The server of a remote storage refused for a reason that has no code of its own; see the message.
        public static let refused = Code(kind: .refused)
        /// A pack is under way already. Try again when it has ended.
        public static let packing = Code(kind: .packing)
        /// A transaction cannot be undone; `undoProblems` says why, object by object. Where it is empty the transaction is
        /// not there or was packed, and the message is all that Python's `UndoError` says.
        public static let undoFailed = Code(kind: .undoFailed)
        /// This storage cannot do that.
        public static let unsupported = Code(kind: .unsupported)

        public var description: String { self.kind.rawValue }
    }

    /// What kind of error it is.
    public var code: Code
    /// What happened, to what, as a sentence.
    public var message: String
    /// The object that it happened to.
    public var oid: ObjectID?
    /// For conflicts: the committed revision and the one that the transaction had read.
    public var serials: (committed: TransactionID, read: TransactionID)?
    /// For failed undos: what stood in the way, for each object that was concerned.
    public var undoProblems: [(oid: ObjectID, problem: String)] = []
    /// What the system or the peer said.
    public var underlyingError: (any Error)?

    /// An error of a kind, with a sentence about it.
    public init(
        _ code: Code,
        _ message: String,
        oid: ObjectID? = nil,
        serials: (committed: TransactionID, read: TransactionID)? = nil,
        underlyingError: (any Error)? = nil
    ) {
        self.code = code
        self.message = message
        self.oid = oid
        self.serials = serials
        self.underlyingError = underlyingError
    }

    public var description: String {
        self.underlyingError.map { "\(self.message) (\($0))" } ?? self.message
    }
}
