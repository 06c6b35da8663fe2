//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import ZODBFormat

extension ObjectRecord {
    /// Whether a record, compressed or not, is that of an object with a blob, by its class, as ZODB tells. One that cannot
    /// be read is not.
    static func isBlob(_ record: ByteBuffer) -> Bool {
        guard let record = try? CompressedRecord.expanded(record) else { return false }
        return Self.className(of: record) == PickleGlobal("ZODB.blob", "Blob")
    }
}
