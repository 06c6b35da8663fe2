//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// Reads the file of a blob piece by piece. Goes on when the file has been removed meanwhile. Blocks.
public final class BlobFileReader: Sendable {
    let file: PositionalFile

    /// Opens the file at a path that `Storage.blob(of:at:)` has named.
    ///
    /// Throws `StorageError.noSuchObject` when there is no such file any more.
    public init(path: String) throws {
        do {
            self.file = try PositionalFile(path, .read)
        } catch  where FileSystem.isMissing(path) {
            throw StorageError(.noSuchObject, "the file of the blob cannot be opened", underlyingError: error)
        }
    }

    /// The length of the file in bytes.
    public var size: Int {
        get throws { try self.file.size() }
    }

    /// The bytes at a position: `count` of them, or as many as there are before the end of the file.
    public func read(at position: Int, count: Int) throws -> ByteBuffer {
        try self.file.read(at: position, count: count)
    }
}
