//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import ZODBFormat

/// Where the record of an object begins in the file.
struct ObjectPosition: Hashable, Sendable {
    var oid: ObjectID
    var position: Int
}

/// A committed transaction as bytes, for one place in the file.
struct EncodedTransaction: Sendable {
    let tid: TransactionID
    /// Where the bytes belong in the file.
    let position: Int
    let bytes: ByteBuffer
    /// Where each object's record will be; of several records of one object the last one counts.
    let objects: [ObjectPosition]
    /// The objects that it writes, each once.
    let oids: [ObjectID]
    /// The objects that do not exist from this transaction on.
    let undoneCreations: Set<ObjectID>

    /// The same bytes with a status that says that the transaction is not committed yet.
    var unfinishedBytes: ByteBuffer {
        var bytes = self.bytes
        bytes.setInteger(
            TransactionHeader.Status.checkpoint.rawValue,
            at: bytes.readerIndex + TransactionHeader.statusOffset
        )
        return bytes
    }

    /// The status byte, and where it belongs in the file.
    var status: (byte: ByteBuffer, position: Int) {
        let index = self.bytes.readerIndex + TransactionHeader.statusOffset
        guard let byte = self.bytes.getSlice(at: index, length: 1) else {
            preconditionFailure("a transaction begins with its head")
        }
        return (byte, self.position + TransactionHeader.statusOffset)
    }

    /// The position behind the transaction.
    var end: Int { self.position + self.bytes.readableBytes }

    /// Encodes what a draft stores; `previous` says where the newest revision of an object is, zero for none.
    init(_ draft: CheckedDraft, tid: TransactionID, at position: Int, previous: (ObjectID) throws -> Int) rethrows {
        let metadata = draft.metadata
        let header = TransactionHeader(
            tid: tid,
            length: draft.encodedLength - TransactionHeader.trailerSize,
            statusByte: draft.status.rawValue,
            userLength: metadata.user.readableBytes,
            descriptionLength: metadata.description.readableBytes,
            extensionLength: metadata.extensionData.readableBytes
        )
        var bytes = ByteBuffer()
        bytes.reserveCapacity(header.length + TransactionHeader.trailerSize)
        bytes.writeTransactionHeader(header)
        bytes.writeImmutableBuffer(metadata.user)
        bytes.writeImmutableBuffer(metadata.description)
        bytes.writeImmutableBuffer(metadata.extensionData)
        var objects: [ObjectPosition] = []
        objects.reserveCapacity(draft.stores.count)
        for store in draft.stores {
            objects.append(ObjectPosition(oid: store.oid, position: position + bytes.writerIndex))
            bytes.writeDataHeader(
                DataHeader(
                    oid: store.oid,
                    tid: tid,
                    previous: try previous(store.oid),
                    transaction: position,
                    dataLength: store.payload.dataLength
                )
            )
            switch store.payload {
            case .data(let data): bytes.writeImmutableBuffer(data)
            case .pointer(let position): bytes.writeInteger(UInt64(position))
            case .nothing: bytes.writeInteger(UInt64(0))
            }
        }
        bytes.writeInteger(UInt64(header.length))
        self.tid = tid
        self.position = position
        self.bytes = bytes
        self.objects = objects
        self.oids = draft.oids
        self.undoneCreations = Set(self.oids.lazy.filter { draft.payload(of: $0) == .nothing })
    }
}

extension CheckedDraft {
    /// The bytes that the draft takes in the file.
    var encodedLength: Int {
        let metadata = self.metadata
        let texts =
            metadata.user.readableBytes + metadata.description.readableBytes + metadata.extensionData.readableBytes
        return self.stores.reduce(TransactionHeader.size + texts + TransactionHeader.trailerSize) {
            $0 + DataHeader.recordLength(ofData: $1.payload.dataLength)
        }
    }

    /// Throws `StorageError.tooLarge` where the transaction would not fit into one buffer.
    func checkEncodedLength() throws {
        let length = self.encodedLength
        guard length > PositionalFile.maximumCount else { return }
        throw StorageError(
            .tooLarge,
            "a transaction has \(length) bytes; \(PositionalFile.maximumCount) are possible"
        )
    }
}

extension TransactionMetadata {
    /// Throws `StorageError.tooLarge` where a text is longer than the format can say.
    func checkLengths() throws {
        for (name, text) in [
            ("user", self.user), ("description", self.description), ("extension", self.extensionData),
        ] where text.readableBytes > TransactionHeader.maximumTextLength {
            throw StorageError(
                .tooLarge,
                "the \(name) of a transaction has \(text.readableBytes) bytes; "
                    + "\(TransactionHeader.maximumTextLength) are possible"
            )
        }
    }
}
