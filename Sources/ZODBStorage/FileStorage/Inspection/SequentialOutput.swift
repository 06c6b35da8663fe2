//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// A file that is written from front to back, a large piece at a time.
struct SequentialOutput {
    private static let pieceSize = 1 << 20

    private let file: PositionalFile
    private var buffer = ByteBuffer()
    private var written = 0

    /// An output to the beginning of an empty file.
    init(_ file: PositionalFile) {
        self.file = file
    }

    /// Where the next byte will be.
    var position: Int { self.written + self.buffer.readableBytes }

    /// Appends what `body` puts into the buffer.
    mutating func append(_ body: (inout ByteBuffer) -> Void) throws {
        body(&self.buffer)
        if self.buffer.readableBytes >= Self.pieceSize { try self.flush() }
    }

    /// Copies bytes of another file. Throws when there are not so many.
    mutating func copy(_ source: PositionalFile, at position: Int, count: Int) throws {
        var done = 0
        while done < count {
            var bytes = try source.read(at: position + done, count: min(count - done, Self.pieceSize))
            guard bytes.readableBytes > 0 else {
                throw StorageError(.corrupted, "\(source.path) has become shorter while it was read")
            }
            done += bytes.readableBytes
            try self.append { $0.writeBuffer(&bytes) }
        }
    }

    /// Writes what is in memory, and returns when all is on disk.
    mutating func finish() throws {
        try self.flush()
        try self.file.synchronize()
    }

    private mutating func flush() throws {
        guard self.buffer.readableBytes > 0 else { return }
        try self.file.write(self.buffer, at: self.written)
        self.written += self.buffer.readableBytes
        self.buffer.clear()
    }
}
