//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ZEOProtocol
import ZODBFormat
import ZODBStorage

extension StorageError {
    /// What an exception of the server means here.
    init(remote exception: RemoteException) {
        let code: Code =
            switch exception.className {
            case RemoteException.posKeyErrorName, "builtins.KeyError", "exceptions.KeyError": .noSuchObject
            case RemoteException.conflictErrorName, "ZODB.POSException.BTreesConflictError": .conflict
            case RemoteException.readConflictErrorName: .readConflict
            case RemoteException.readOnlyErrorName: .readOnly
            case RemoteException.storageTransactionErrorName: .noSuchVote
            case RemoteException.undoErrorName, RemoteException.multipleUndoErrorsName: .undoFailed
            case "ZODB.POSException.Unsupported": .unsupported
            case "builtins.ValueError", "exceptions.ValueError", "builtins.TypeError", "exceptions.TypeError":
                .invalidArgument
            default: .refused
            }
        self.init(
            code,
            "the server answered \(exception)",
            oid: exception.oid,
            serials: exception.serials,
            underlyingError: exception
        )
    }
}
