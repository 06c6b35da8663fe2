//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// What a storage is and can do.
public struct StorageTraits: Hashable, Sendable {
    /// The storage's own name: the path of its file, or a word.
    public var name: String
    /// Whether votes are refused.
    public var isReadOnly: Bool
    /// Whether revisions other than the current one are kept and transactions can be undone.
    public var supportsUndo: Bool
    /// The names of the interfaces of `ZODB.interfaces` that Python clients may rely on, in resolution order.
    public var interfaces: [String]
    /// Whether current records can be iterated (`record_iternext`).
    public var iteratesCurrentRecords: Bool
    /// The folder that holds the blobs; `nil` where the storage keeps none.
    public var blobDirectory: String?
    /// The folder for files of blobs on their way into the storage, on the same file system as the blobs; `nil` where
    /// the storage keeps none.
    public var blobStagingDirectory: String?

    /// The traits of a storage.
    public init(
        name: String,
        isReadOnly: Bool,
        supportsUndo: Bool,
        interfaces: [String],
        iteratesCurrentRecords: Bool
    ) {
        self.name = name
        self.isReadOnly = isReadOnly
        self.supportsUndo = supportsUndo
        self.interfaces = interfaces
        self.iteratesCurrentRecords = iteratesCurrentRecords
    }
}
