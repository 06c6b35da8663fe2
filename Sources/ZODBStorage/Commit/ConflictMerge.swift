//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Merges two changes of the same record, where that needs nothing of the application.
enum ConflictMerge {
    /// The record that has the changes from `old` to `committed` and those from `old` to `new`; `nil` where they cannot
    /// be merged.
    static func mergedRecord(old: ByteBuffer, committed: ByteBuffer, new: ByteBuffer) throws -> ByteBuffer? {
        nil
    }
}
