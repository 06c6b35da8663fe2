//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ZEOProtocol
import ZODBFormat
import ZODBStorage

/// How far the blob is that a client gets.
enum BlobDownload {
    /// None is sent.
    case none
    /// The storage looks for the file.
    case opening
    /// Part of the file is sent; the next part can be read.
    case sent(BlobTransfer)
    /// Part of the file is read.
    case reading
}

/// A blob on its way to a client.
struct BlobTransfer: Sendable {
    let message: ClientMessage
    let oid: ObjectID
    let serial: TransactionID
    let file: BlobFileReader
    /// How many bytes have been sent.
    var position = 0
}
