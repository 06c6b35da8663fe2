//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import ZEOProtocol
import ZODBFormat
import ZODBStorage

// What goes wrong here, as the exceptions that Python's server would raise.
extension RemoteException {
    /// The exception for an error of a storage. `oid` is the object that was asked for, where one was.
    init(_ error: any Error, oid: ObjectID? = nil) {
        guard let error = error as? StorageError else {
            self.init("ZEO.StorageServer.StorageServerError", .string(String(describing: error)))
            return
        }
        let message = PickleValue.string(error.description)
        switch error.code {
        case .noSuchObject:
            guard let oid = error.oid ?? oid else { fallthrough }
            self = .posKeyError(oid)
        case .corrupted, .writeFailed, .unsupportedFormat:
            self.init("ZODB.POSException.StorageSystemError", message)
        case .readConflict:
            self = .readConflictError(oid: error.oid, serials: error.serials)
        case .conflict:
            self = .conflictError(oid: error.oid, serials: error.serials, className: nil)
        case .readOnly:
            self = .readOnlyError
        case .quotaExceeded:
            self.init("ZODB.FileStorage.FileStorage.FileStorageQuotaError", message)
        case .packing:
            self.init("ZODB.FileStorage.FileStorage.FileStorageError", message)
        case .undoFailed:
            self = .undoErrors(error.undoProblems, message: error.description)
        case .noSuchVote:
            self.init(RemoteException.storageTransactionErrorName, message)
        case .tooLarge:
            self.init("ZODB.POSException.TransactionTooLargeError", message)
        case .invalidArgument:
            self.init("builtins.ValueError", message)
        case .unsupported:
            self.init("ZODB.POSException.Unsupported", message)
        case .disconnected:
            self.init("ZEO.Exceptions.ClientDisconnected", message)
        default:
            self.init("ZODB.POSException.StorageError", message)
        }
    }

    /// The exception for a conflict that nobody resolves.
    init(_ conflict: ObjectConflict) {
        self = .conflictError(
            oid: conflict.oid,
            serials: (conflict.committed, conflict.read),
            className: ObjectRecord.className(of: conflict.data)?.description
        )
    }

    init(_ failure: CommitStateMachine.Failure) {
        switch failure {
        case .readOnly:
            self = .readOnlyError
        case .noTransaction(let given):
            self.init(Self.storageTransactionErrorName, .none, given.value)
        case .wrongTransaction(let current, let given):
            self.init(Self.storageTransactionErrorName, current.value, given.value)
        case .multipleTransactions:
            self.init(
                Self.storageTransactionErrorName,
                .string("Multiple simultaneous tpc_begin requests from one client.")
            )
        case .alreadyVoting:
            self.init(Self.storageTransactionErrorName, .string("Already voting (waiting)"))
        case .alreadyPrepared:
            self.init(Self.storageTransactionErrorName, .string("Already voting (locked)"))
        case .notPrepared:
            self.init("builtins.AssertionError", .string("finished called wo lock"))
        }
    }

    /// Whether Python's server says nothing about such an exception in its log.
    var isCommonplace: Bool {
        [Self.posKeyErrorName, Self.conflictErrorName, Self.readConflictErrorName].contains(self.className)
    }
}
