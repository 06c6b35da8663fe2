//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Logging
import Metrics
import NIOCore
import ZEOProtocol
public import ZODBFormat
public import ZODBStorage

extension ClientStorage {
    /// What one message holds at most, as in Python's client.
    private static let pieceSize = 59_000
    /// How many messages are made of what is read from a file at a time.
    private static let piecesPerRead = 8

    private var knownBlobs: ClientBlobs {
        get throws {
            guard let blobs = self.blobs else {
                throw StorageError(.unsupported, "the client's options name no directory for blobs")
            }
            return blobs
        }
    }

    // MARK: Reading

    /// The path of the file with the blob that the transaction `serial` wrote for an object. The server is asked for it
    /// when it is not here, once for all who wait.
    ///
    /// A cache may remove the file at any time: to read it, use `openBlob(of:at:)`.
    public func blob(of oid: ObjectID, at serial: TransactionID) async throws -> String {
        try await self.withBlob(of: oid, at: serial) { $0 }
    }

    /// Opens the file with the blob that the transaction `serial` wrote for an object, which the server is asked for when
    /// it is not here.
    public func openBlob(of oid: ObjectID, at serial: TransactionID) async throws -> BlobFileReader {
        try await self.withBlob(of: oid, at: serial) { try BlobFileReader(path: $0) }
    }

    /// The folder in which somebody who shares the blob directory leaves the file of a new blob.
    public func blobFolder(of oid: ObjectID) -> String? { self.blobs?.folder(of: oid) }

    private func withBlob<Result: Sendable>(
        of oid: ObjectID,
        at serial: TransactionID,
        _ body: @escaping @Sendable (String) throws -> Result
    ) async throws -> Result {
        let blobs = try self.knownBlobs
        switch try blobs.opened() {
        case .shared(let directory):
            return try await onFileThread { try body(try directory.existingFile(of: oid, at: serial)) }
        case .cache(let cache, let locks):
            if let found = try await onFileThread({ try cache.use(oid, at: serial, body) }) {
                self.metrics.blobHits.increment()
                return found
            }
            return try await locks.withLock(ofFolder: cache.folderName(of: oid)) {
                // Somebody else may have brought it meanwhile.
                if let found = try await onFileThread({ try cache.use(oid, at: serial, body) }) {
                    self.metrics.blobHits.increment()
                    return found
                }
                self.metrics.blobMisses.increment()
                let blob = try await self.connection().blob(of: oid, at: serial, in: cache.stagingPath)
                let count = try await onFileThread { try cache.add(blob, oid, at: serial) }
                self.metrics.blobBytes.increment(by: count)
                blobs.added(count)
                guard let found = try await onFileThread({ try cache.use(oid, at: serial, body) }) else {
                    throw StorageError(.noSuchObject, "the file of a blob went as soon as it came", oid: oid)
                }
                return found
            }
        }
    }

    // MARK: Committing

    /// Sends a blob behind the messages of its transaction.
    func send(
        _ blob: UncommittedBlob,
        of oid: ObjectID,
        serial: TransactionID,
        data: ByteBuffer,
        _ token: TransactionToken,
        to connection: ZEOConnection
    ) async throws {
        guard let path = blob.path else {
            throw StorageError(.invalidArgument, "the blob of object \(oid) has been committed already", oid: oid)
        }
        if case .shared(let directory) = try self.knownBlobs.opened() {
            let name = try await onFileThread { try Self.share(path, of: oid, serial, in: directory) }
            let call = ServerCall.storeBlobShared(oid, serial: serial, data: data, filename: name, token)
            return try await connection.transmit([call])
        }
        let file = try await onFileThread { try BlobFileReader(path: path) }
        do {
            try await connection.transmit([.storeBlobStart])
            var position = 0
            while true {
                let start = position
                var bytes = try await onFileThread {
                    try file.read(at: start, count: Self.pieceSize * Self.piecesPerRead)
                }
                if bytes.readableBytes == 0 { break }
                position += bytes.readableBytes
                var calls: [ServerCall] = []
                while let piece = bytes.readSlice(length: min(bytes.readableBytes, Self.pieceSize)),
                    piece.readableBytes > 0
                {
                    calls.append(.storeBlobChunk(piece))
                }
                // Returns when the network has taken them, so that there is never more in memory.
                try await connection.transmit(calls)
            }
        } catch {
            // The server takes one blob at a time, and goes on with this one until it is told that it has ended.
            connection.send(.storeBlobEnd(oid, serial: serial, data: data, token))
            throw error
        }
        try await connection.transmit([.storeBlobEnd(oid, serial: serial, data: data, token)])
    }

    /// Gives a file a second name in the server's directory, which the server takes away. Returns that name.
    private static func share(
        _ path: String,
        of oid: ObjectID,
        _ serial: TransactionID,
        in directory: BlobDirectory
    ) throws -> String {
        let folder = directory.folder(of: oid)
        try FileSystem.makeFolders(folder)
        let digits = String(UInt64.random(in: .min ... .max), radix: 16)
        let name = "0x\(String(serial.rawValue, radix: 16))\(processIdentifier)-\(digits).tmp"
        try FileSystem.linkOrCopy(path, to: folder + "/" + name)
        return name
    }

    /// The server has committed blobs: their files are of use here. What goes wrong costs nothing but a download.
    func keep(_ committed: [OwnCommit.Blob], at tid: TransactionID) async {
        guard let blobs = self.blobs, !committed.isEmpty, let place = try? blobs.opened() else { return }
        for (oid, blob) in committed.map({ ($0.oid, $0.blob) }) {
            do {
                let count = try await onFileThread {
                    var count: Int?
                    if case .cache(let cache, let locks) = place {
                        count = try locks.tryLock(ofFolder: cache.folderName(of: oid)) {
                            try cache.add(blob, oid, at: tid)
                        }
                    }
                    // Where it was not kept, the server has its own.
                    if let path = blob.take() { try FileSystem.remove(path) }
                    return count ?? 0
                }
                blobs.added(count)
            } catch {
                self.options.logger.info(
                    "The file of a blob was not kept",
                    metadata: ["zodb.oid": "\(oid)", "error": "\(error)"]
                )
            }
        }
    }
}
