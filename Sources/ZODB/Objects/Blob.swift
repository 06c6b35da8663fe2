//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import NIOCore
public import ZODBFormat
import ZODBStorage

/// A large content in a file of its own: Python's `ZODB.blob.Blob`. Read and written piece by piece, whatever its size.
///
/// ```swift
/// try await database.transaction { root in
///     let blob = try root.newBlob()
///     try await blob.write(upload)
///     root["picture"] = .object(blob)
/// }
/// ```
///
/// What is written replaces the whole content and becomes part of the transaction. It waits in a file beside the blobs of
/// the storage until the transaction commits; aborted, it is gone.
public final class Blob: PersistentObject {
    /// The class as Python writes it.
    static let currentClass = PickleGlobal("ZODB.blob", "Blob")

    private let writtenClass: PickleValue
    private let content: PickleValue
    /// Where a new blob writes; one that is loaded has a connection.
    private let folder: String?
    private var file: UncommittedBlob?
    /// What was written before the last change, in this transaction; `.some(nil)` where nothing was.
    private var kept: UncommittedBlob??

    /// A new blob, without a byte, whose files lie in a folder.
    init(in folder: String) throws {
        self.writtenClass = .global(Self.currentClass)
        self.content = .none
        self.folder = folder
        super.init()
        let writer = BlobFileWriter(in: folder)
        try writer.start()
        writer.finish()
        self.file = writer.blob
    }

    /// The blob of a record.
    init(classDescription: PickleValue, state: PickleValue) {
        self.writtenClass = classDescription
        self.content = state
        self.folder = nil
        super.init()
    }

    /// The class that Python makes the blob of.
    public override var classDescription: PickleValue { self.writtenClass }

    /// What Python sets the blob's state to: `None`.
    public override var state: PickleValue { self.content }

    override func adoption(of state: PickleValue) throws(FormatError) -> () -> Void {
        return { self.file = nil }
    }

    override var uncommittedBlob: UncommittedBlob? {
        get { self.file }
        set { self.file = newValue }
    }

    override func keepCommitted() {
        self.kept = .some(self.file)
    }

    override func forgetCommitted(restoring: Bool) {
        if restoring, let kept { self.file = kept }
        self.kept = nil
    }

    // MARK: Writing

    /// Replaces the content by what a sequence brings. It is asked for the next piece when the last one is in the file.
    ///
    /// Throws what the sequence throws, `StorageError.writeFailed` when the disk does not take it, `.unsupported` where
    /// the storage keeps no blobs. The content stays then as it was.
    public func write<Pieces: AsyncSequence>(_ pieces: Pieces) async throws where Pieces.Element == ByteBuffer {
        var writer = try await self.writer()
        try await writer.append(pieces)
        self.take(try await writer.finish())
    }

    /// Replaces the content by these bytes.
    public func write(_ bytes: ByteBuffer) async throws {
        var writer = try await self.writer()
        try await writer.append(bytes)
        self.take(try await writer.finish())
    }

    /// Replaces the content by that of a file, which stays where it is.
    public func write(contentsOfFile path: String) async throws {
        let contents = try await BlobContents.open(path)
        try await self.write(contents)
    }

    /// Adds what a sequence brings to the content. The file is copied: a committed content never changes.
    public func append<Pieces: AsyncSequence>(_ pieces: Pieces) async throws where Pieces.Element == ByteBuffer {
        let contents = try await self.contents()
        var writer = try await self.writer()
        try await writer.append(contents)
        try await writer.append(pieces)
        self.take(try await writer.finish())
    }

    private func writer() async throws -> BlobWriter {
        let storage = self.connection?.database.storage
        guard let folder = self.folder ?? storage?.traits.blobStagingDirectory else {
            throw StorageError(.unsupported, "\(storage?.traits.name ?? "the storage") keeps no blobs", oid: self.oid)
        }
        return try await BlobWriter.start(in: folder)
    }

    private func take(_ file: UncommittedBlob) {
        self.willChange()
        self.file = file
    }

    // MARK: Reading

    /// The content as it is now, opened: it does not change any more, and may be read by any task.
    ///
    /// Throws `StorageError.noSuchObject` when the file is missing, and what the storage throws.
    public func contents() async throws -> BlobContents {
        if let path = self.file?.path { return try await BlobContents.open(path) }
        guard let oid = self.oid, let connection = self.connection else {
            throw StorageError(.closed, "the connection of the blob has been closed", oid: self.oid)
        }
        return try await BlobContents(try await connection.database.storage.openBlob(of: oid, at: self.serial))
    }
}

extension Connection {
    /// A new blob without a byte. It becomes part of the database when an object that refers to it is committed.
    ///
    /// Throws `StorageError.unsupported` where the storage keeps no blobs, `.writeFailed` when there can be no file.
    public func newBlob() throws -> Blob {
        try self.checkOpen()
        let traits = self.database.storage.traits
        guard let folder = traits.blobStagingDirectory else {
            throw StorageError(.unsupported, "\(traits.name) keeps no blobs")
        }
        return try Blob(in: folder)
    }
}

extension PersistentMapping {
    /// A new blob for the database of the mapping. See `Connection.newBlob()`.
    public func newBlob() throws -> Blob {
        guard let connection = self.connection else {
            throw StorageError(.invalidArgument, "a new mapping belongs to no database that could have blobs")
        }
        return try connection.newBlob()
    }

    /// The blob that the value of `key` refers to, loaded; `nil` without such an item.
    ///
    /// Throws `StorageError.invalidArgument` when the value is something else, and what loading throws.
    public func blob(_ key: PersistentValue) async throws -> Blob? {
        try await self.object(key)?.expected(Blob.self, "blob", at: "the value of \(key)")
    }
}

extension Blob {
    /// For `PersistentTypes`.
    static var makers: [PickleGlobal: PersistentTypes.Maker] {
        [self.currentClass: { Blob(classDescription: $0, state: $1) }]
    }
}
