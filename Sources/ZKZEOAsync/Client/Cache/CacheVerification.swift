//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ZODBFormat
import ZODBStorage

/// What a client that comes back finds out about what it knew before.
enum CacheVerification: Hashable, Sendable {
    /// Nothing has changed, or nothing was known.
    case upToDate(TransactionID)
    /// These objects have new revisions; everything else is as it was.
    case changed(TransactionID, [ObjectID])
    /// The client was away for too long for the server to tell; everything it knew is doubtful.
    case tooOld(TransactionID)

    /// Up to where everything has been told by that.
    var last: TransactionID {
        switch self {
        case .upToDate(let tid), .changed(let tid, _), .tooOld(let tid): tid
        }
    }

    /// What has to be asked for, given the last transaction that the client was told of and the server's.
    enum Question: Hashable {
        case nothing(CacheVerification)
        case invalidations(after: TransactionID)
    }

    /// Throws `StorageError.corrupted` when the server's history ends before what the client knows: that is another
    /// database, or an older copy, and mixing the two would spoil data.
    static func question(client: TransactionID?, server: TransactionID) throws(StorageError) -> Question {
        guard let client, client != server else { return .nothing(.upToDate(server)) }
        guard client < server else {
            throw StorageError(
                .corrupted,
                "the server's last transaction \(server) is older than \(client), which this client has seen"
            )
        }
        return .invalidations(after: client)
    }
}
