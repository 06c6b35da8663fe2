//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// How much a storage holds.
public struct StorageStatistics: Hashable, Sendable {
    /// The number of objects.
    public var objectCount: Int
    /// The size in bytes.
    public var byteCount: Int

    /// So many objects and bytes.
    public init(objectCount: Int, byteCount: Int) {
        self.objectCount = objectCount
        self.byteCount = byteCount
    }
}
