//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Writes a new data file from front to back, in large pieces.
struct PackWriter {
    private let file: any AppendableFile
    private var buffer = ByteBuffer()
    private var flushedEnd = 0
    private var synchronizedEnd = 0

    private static let pieceSize = 1 << 22
    /// The file is synchronised after so many bytes, so that commits to the old one never wait for all of the new one.
    private static let synchronizationInterval = 1 << 26

    /// A writer of an empty file.
    init(_ file: any AppendableFile) {
        self.file = file
        self.buffer.reserveCapacity(Self.pieceSize + (1 << 16))
    }

    /// The position behind what was written.
    var end: Int { self.flushedEnd + self.buffer.readableBytes }

    /// Appends bytes.
    mutating func write(_ bytes: ByteBuffer) throws {
        try self.makeRoom(bytes.readableBytes)
        self.buffer.writeImmutableBuffer(bytes)
    }

    /// Appends the head of a data record.
    mutating func write(_ header: DataHeader) throws {
        try self.makeRoom(DataHeader.size)
        self.buffer.writeDataHeader(header)
    }

    /// Appends a number of eight bytes: a pointer or a length.
    mutating func write(_ number: Int) throws {
        try self.makeRoom(8)
        self.buffer.writeInteger(UInt64(number))
    }

    /// Writes a number of eight bytes over what is at a position already.
    mutating func overwrite(_ number: Int, at position: Int) throws {
        // The number may lie across what was flushed and what was not.
        if position < self.flushedEnd { try self.flush() }
        if position >= self.flushedEnd {
            self.buffer.setInteger(UInt64(number), at: self.buffer.readerIndex + position - self.flushedEnd)
        } else {
            try self.file.write(ByteBuffer(integer: UInt64(number)), at: position)
        }
    }

    /// Returns when everything that was written would survive a loss of power.
    mutating func synchronize() throws {
        try self.flush()
        try self.file.synchronize()
        self.synchronizedEnd = self.flushedEnd
    }

    private mutating func makeRoom(_ count: Int) throws {
        guard self.buffer.readableBytes + count > Self.pieceSize else { return }
        try self.flush()
        if self.flushedEnd - self.synchronizedEnd >= Self.synchronizationInterval { try self.synchronize() }
    }

    private mutating func flush() throws {
        guard self.buffer.readableBytes > 0 else { return }
        try self.file.write(self.buffer, at: self.flushedEnd)
        self.flushedEnd += self.buffer.readableBytes
        self.buffer.clear()
    }
}
