//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import NIOCore
import Synchronization

/// Writes the file of a blob piece by piece, for whoever gets it from elsewhere. All functions block.
public final class BlobFileWriter: Sendable {
    private struct State {
        var file: PositionalFile?
        var length = 0
    }

    /// The blob that the file becomes. Whoever drops it uncommitted removes the file.
    public let blob: UncommittedBlob
    private let path: String
    private let state = Mutex(State())

    /// Will write a new file in a folder: in `StorageTraits.blobStagingDirectory` of the storage that the blob is for.
    public init(in folder: String) {
        let digits = String(UInt64.random(in: .min ... .max), radix: 16)
        self.path = "\(folder)/ZEO\(processIdentifier)-\(digits).tmp"
        self.blob = UncommittedBlob(path: self.path)
    }

    /// Makes the file, before anything is written.
    ///
    /// Throws `StorageError.writeFailed` where that is not possible.
    public func start() throws {
        try self.explained {
            try self.state.withLock { state in
                if state.file == nil { state.file = try PositionalFile(self.path, .create) }
            }
        }
    }

    /// Appends to the file.
    ///
    /// Throws `StorageError.writeFailed` when the disk does not take it.
    public func append(_ bytes: ByteBuffer) throws {
        try self.explained {
            try self.state.withLock { state in
                guard let file = state.file else { throw StorageError(.invalidArgument, "\(self.path) is not open") }
                try file.write(bytes, at: state.length)
                state.length += bytes.readableBytes
            }
        }
    }

    /// Closes the file: the blob is complete, though not durable.
    public func finish() {
        self.state.withLock { $0.file = nil }
    }

    private func explained(_ body: () throws -> Void) throws {
        do {
            try body()
        } catch let error as FileError {
            throw StorageError(.writeFailed, "the file of a blob could not be written", underlyingError: error)
        }
    }
}
