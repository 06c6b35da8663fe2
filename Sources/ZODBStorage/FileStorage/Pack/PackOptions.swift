//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import ZODBFormat

/// What one pack is to do.
struct PackOptions: Sendable {
    /// What was not current any more at this moment goes.
    var before: TransactionID
    /// Whether objects that cannot be reached go, too.
    var collectsGarbage: Bool
    /// Makes the record of an object from what is in the file, where the two differ.
    var decode: (@Sendable (ByteBuffer) throws -> ByteBuffer)?
    /// Hears of each record of an object with a blob that the pack leaves out; `nil` where blobs are somebody else's.
    var removedBlobs: RemovedBlobs?

    /// Whether a record is one of an object with a blob.
    func isBlob(_ data: ByteBuffer) throws -> Bool {
        ObjectRecord.isBlob(try self.record(data))
    }

    /// The record of an object whose data is in the file.
    func record(_ data: ByteBuffer) throws -> ByteBuffer {
        try self.decode?(data) ?? data
    }
}
