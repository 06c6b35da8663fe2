//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Dispatch
public import NIOCore
import ZODBStorage

/// What a blob holds, piece by piece: an asynchronous sequence of buffers. Each piece is read when it is asked for, so
/// that a blob of any size takes the memory of one piece.
///
/// The contents stay readable when the blob is changed, and when a pack removes the file.
public struct BlobContents: AsyncSequence, Sendable {
    public typealias Element = ByteBuffer
    public typealias Failure = any Error

    /// The number of bytes.
    public let size: Int

    /// How many bytes a piece has, but for the last one. Default: 256 KiB.
    public var pieceSize = 256 * 1024

    private let reader: BlobFileReader

    /// What a file holds that nobody removes.
    static func open(_ path: String) async throws -> BlobContents {
        try await BlobContents(blocking { try BlobFileReader(path: path) })
    }

    init(_ reader: BlobFileReader) async throws {
        self.size = try await blocking { try reader.size }
        self.reader = reader
    }

    /// The bytes at a position: `count` of them, or as many as there are before the end.
    public func read(at position: Int, count: Int) async throws -> ByteBuffer {
        try await blocking { try self.reader.read(at: position, count: count) }
    }

    /// All bytes at once.
    ///
    /// Throws `StorageError.tooLarge` when there are more than `limit`.
    public func collect(upTo limit: Int) async throws -> ByteBuffer {
        guard self.size <= limit else {
            throw StorageError(.tooLarge, "the blob has \(self.size) bytes, more than \(limit)")
        }
        return try await self.read(at: 0, count: self.size)
    }

    /// The pieces, from the first one on.
    public func makeAsyncIterator() -> Iterator { Iterator(contents: self) }

    /// The pieces of a blob, one after the other.
    public struct Iterator: AsyncIteratorProtocol {
        fileprivate let contents: BlobContents
        private var position = 0

        fileprivate init(contents: BlobContents) {
            self.contents = contents
        }

        /// The next piece; `nil` at the end.
        public mutating func next(isolation: isolated (any Actor)?) async throws -> ByteBuffer? {
            guard self.position < self.contents.size else { return nil }
            let (contents, position) = (self.contents, self.position)
            let piece = try await blocking {
                try contents.reader.read(at: position, count: Swift.max(1, contents.pieceSize))
            }
            guard piece.readableBytes > 0 else {
                throw StorageError(.corrupted, "the file of a blob ends after \(position) of \(contents.size) bytes")
            }
            self.position += piece.readableBytes
            return piece
        }
    }
}

/// Writes the file of a blob, away from the threads that tasks run on. Small pieces are gathered.
struct BlobWriter {
    private static let gathered = 256 * 1024

    private let writer: BlobFileWriter
    private var buffer = ByteBuffer()

    static func start(in folder: String) async throws -> BlobWriter {
        let writer = BlobFileWriter(in: folder)
        try await blocking { try writer.start() }
        return BlobWriter(writer: writer)
    }

    private init(writer: BlobFileWriter) {
        self.writer = writer
    }

    mutating func append(_ bytes: ByteBuffer) async throws {
        self.buffer.writeImmutableBuffer(bytes)
        if self.buffer.readableBytes >= Self.gathered { try await self.flush() }
    }

    mutating func append<Pieces: AsyncSequence>(_ pieces: Pieces) async throws where Pieces.Element == ByteBuffer {
        for try await piece in pieces { try await self.append(piece) }
    }

    private mutating func flush() async throws {
        let (writer, bytes) = (self.writer, self.buffer)
        self.buffer = ByteBuffer()
        try await blocking { try writer.append(bytes) }
    }

    /// The complete file.
    mutating func finish() async throws -> UncommittedBlob {
        if self.buffer.readableBytes > 0 { try await self.flush() }
        let writer = self.writer
        return await withCheckedContinuation { continuation in
            DispatchQueue.global(qos: .userInitiated).async {
                writer.finish()
                continuation.resume(returning: writer.blob)
            }
        }
    }
}

/// Runs what blocks on a thread that may be blocked.
private func blocking<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
        DispatchQueue.global(qos: .userInitiated).async { continuation.resume(with: Swift.Result(catching: body)) }
    }
}
