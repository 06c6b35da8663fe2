//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import ZEOProtocol
import ZODBFormat
import ZODBStorage

// Blobs from the client. They become part of a transaction when they are complete.
extension ConnectionHandler {
    /// A blob begins, or goes on.
    func receiveBlob(_ message: ClientMessage) {
        if case .storeBlobChunk(let chunk) = message.call {
            self.storeBlobChunk(message, chunk)
        } else {
            self.storeBlobStart(message)
        }
    }

    private func storeBlobStart(_ message: ClientMessage) {
        guard !self.commit.isReadOnly else { return self.fail(message, .readOnlyError) }
        guard let folder = self.registration?.served.storage.traits.blobStagingDirectory else {
            return self.fail(message, Self.noBlobs)
        }
        if self.uploads == nil, let context = self.context {
            let bound = self.bound
            self.uploads = BlobUploads(eventLoop: context.eventLoop, tasks: self.server.tasks) {
                bound.value.updateReading()
            }
        }
        guard self.uploads?.start(in: folder) == true else {
            return self.fail(message, RemoteException("builtins.AssertionError", .string("a blob has begun already")))
        }
        self.answer(message, .none)
    }

    private func storeBlobChunk(_ message: ClientMessage, _ chunk: ByteBuffer) {
        guard let uploads = self.uploads, uploads.append(chunk) else { return self.fail(message, Self.noBlobStarted) }
        guard uploads.byteCount <= self.server.configuration.maximumUncommittedBlobSize else {
            self.log(.error, "transaction too large: more than \(uploads.byteCount) bytes of blobs")
            return self.close()
        }
        self.updateReading()
        self.answer(message, .none)
    }

    func storeBlobEnd(
        _ message: ClientMessage,
        _ oid: ObjectID,
        _ serial: TransactionID,
        _ data: ByteBuffer,
        _ token: TransactionToken
    ) {
        self.add(message, token) { buffer, handler throws(RemoteException) in
            guard let blob = handler.uploads?.finish() else { throw Self.noBlobStarted }
            buffer.storeBlob(oid, serial: serial, data: data, blob: blob)
        }
    }

    /// A file that the client has put into the blob directory itself. Its name is the client's word: nothing but a name,
    /// of the kind that Python's clients choose.
    func storeBlobShared(
        _ message: ClientMessage,
        _ oid: ObjectID,
        _ serial: TransactionID,
        _ data: ByteBuffer,
        _ filename: String,
        _ token: TransactionToken
    ) {
        self.add(message, token) { buffer, handler throws(RemoteException) in
            guard Self.isSharedBlobName(filename) else {
                handler.log(.critical, "We're under attack! (bad filename to storeBlobShared, '\(filename)')")
                throw RemoteException("builtins.ValueError", .string(filename))
            }
            guard let folder = handler.registration?.served.storage.blobFolder(of: oid) else { throw Self.noBlobs }
            let blob = UncommittedBlob(path: "\(folder)/\(filename)")
            buffer.storeBlob(oid, serial: serial, data: data, blob: blob)
        }
    }

    /// Whether a name ends in `.tmp`, or in `.tmp` and one character, and leads nowhere else.
    static func isSharedBlobName(_ name: String) -> Bool {
        !name.contains("/") && !name.utf8.contains(0) && (name.hasSuffix(".tmp") || name.dropLast().hasSuffix(".tmp"))
    }

    private static let noBlobs = RemoteException(
        "ZODB.POSException.Unsupported",
        .string("The storage keeps no blobs.")
    )
    private static let noBlobStarted = RemoteException("builtins.TypeError", .string("no blob has begun"))
}
