//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import ZEOProtocol
import ZODBFormat
import ZODBStorage

// Blobs for the client, one after the other. The next part of a file is read when the network has taken enough of what
// was sent before, so that a blob of any size takes little memory, and other answers find their way in between.
extension ConnectionHandler {
    /// How many blobs a client may wait for before nothing more is read from it.
    static let maximumWantedBlobs = 16

    /// What one message holds at most: as in Python's server.
    private static let chunkSize = 59_000
    /// How many messages are made of what is read at a time.
    private static let chunksPerRead = 4

    func sendBlob(_ message: ClientMessage) {
        self.wantedBlobs.append(message)
        self.startDownload()
        self.updateReading()
    }

    private func startDownload() {
        while case .none = self.download, !self.machine.isClosed, let message = self.wantedBlobs.popFirst() {
            guard case .sendBlob(let oid, let serial) = message.call, let registration = self.registration else {
                preconditionFailure("Only registered clients ask for blobs.")
            }
            guard serial <= registration.seen else {
                self.fail(message, .posKeyError(oid))
                continue
            }
            self.download = .opening
            let storage = registration.served.storage
            let bound = self.bound
            self.server.walks.start(on: WalkExecutor.shared) {
                let result: Result<BlobFileReader, any Error>
                do {
                    result = .success(try await storage.openBlob(of: oid, at: serial))
                } catch {
                    result = .failure(error)
                }
                bound.execute { $0.opened(message, oid, serial, result) }
            }
        }
    }

    private func opened(
        _ message: ClientMessage,
        _ oid: ObjectID,
        _ serial: TransactionID,
        _ result: Result<BlobFileReader, any Error>
    ) {
        self.download = .none
        guard !self.machine.isClosed else { return }
        switch result {
        case .success(let file):
            self.callClient(.receiveBlobStart(oid, serial))
            self.download = .sent(BlobTransfer(message: message, oid: oid, serial: serial, file: file))
            self.continueDownload()
        case .failure(let error):
            self.fail(message, RemoteException(error, oid: oid))
            self.startDownload()
            self.updateReading()
        }
        self.flushUnlessReading()
    }

    /// Reads the next part of the file, if the network has room.
    func continueDownload() {
        guard case .sent(let transfer) = self.download, !self.machine.isClosed, let context = self.context,
            context.channel.isWritable
        else { return }
        self.download = .reading
        let bound = self.bound
        self.server.walks.start(on: WalkExecutor.shared) {
            let result: Result<ByteBuffer, any Error>
            do {
                let count = Self.chunkSize * Self.chunksPerRead
                result = .success(try transfer.file.read(at: transfer.position, count: count))
            } catch {
                result = .failure(error)
            }
            bound.execute { $0.read(transfer, result) }
        }
    }

    private func read(_ transfer: BlobTransfer, _ result: Result<ByteBuffer, any Error>) {
        self.download = .none
        defer { self.flushUnlessReading() }
        guard !self.machine.isClosed else { return }
        switch result {
        case .success(var bytes) where bytes.readableBytes > 0:
            var transfer = transfer
            transfer.position += bytes.readableBytes
            while let chunk = bytes.readSlice(length: min(bytes.readableBytes, Self.chunkSize)), chunk.readableBytes > 0
            {
                self.callClient(.receiveBlobChunk(transfer.oid, transfer.serial, chunk))
            }
            self.download = .sent(transfer)
            // What was written counts only once it has been handed to the network.
            self.flushUnlessReading()
            self.continueDownload()
        case .success:
            self.callClient(.receiveBlobStop(transfer.oid, transfer.serial))
            self.answer(transfer.message, .none)
            self.startDownload()
            self.updateReading()
        case .failure(let error):
            // The client has half a file, and no way to be told: it has to start over.
            self.log(.error, "the file of a blob could not be read: \(error)")
            self.close()
        }
    }

    /// The client is gone.
    func abandonBlobs() {
        self.wantedBlobs = []
        self.download = .none
        self.uploads?.abandon()
        self.uploads = nil
    }
}
