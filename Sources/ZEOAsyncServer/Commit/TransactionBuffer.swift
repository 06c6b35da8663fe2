//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import ZEOProtocol
import ZODBFormat
import ZODBStorage

/// What a client has said about its transaction so far.
struct TransactionBuffer {
    private var draft: TransactionDraft
    /// Where in the draft the store of an object stands, so that a later one takes its place.
    private var stores: [ObjectID: Int] = [:]

    /// The size of all records in bytes.
    private(set) var byteCount = 0
    /// What everything else takes in bytes, about.
    private var overhead: Int

    /// What an operation takes in bytes beside its record, about.
    private static let operationOverhead = 128

    /// How much memory the transaction takes, about: the records and all the rest.
    var memorySize: Int { self.byteCount + self.overhead }

    /// A transaction with nothing in it. `origin` tells it from everybody else's.
    init(_ beginning: TransactionBeginning, status: TransactionStatus = .committed, origin: UInt64) {
        var extensionData = ByteBuffer()
        if !beginning.extensionItems.isEmpty {
            PickleWriter().write(.dict(beginning.extensionItems), into: &extensionData)
        }
        self.draft = TransactionDraft(
            metadata: TransactionMetadata(
                user: beginning.user.copied,
                description: beginning.description.copied,
                extensionData: extensionData
            ),
            origin: origin
        )
        self.draft.tid = beginning.tid
        self.draft.status = status
        self.overhead =
            beginning.user.readableBytes + beginning.description.readableBytes + extensionData.readableBytes
    }

    var origin: UInt64 { self.draft.origin }

    /// Whether an object is stored.
    func stores(_ oid: ObjectID) -> Bool { self.stores[oid] != nil }

    /// The number of objects that are stored.
    var storeCount: Int { self.stores.count }

    mutating func store(_ oid: ObjectID, serial: TransactionID, data: ByteBuffer) {
        self.put(oid, serial, data.copied, blob: nil)
    }

    mutating func storeBlob(_ oid: ObjectID, serial: TransactionID, data: ByteBuffer, blob: UncommittedBlob) {
        self.put(oid, serial, data.copied, blob: blob)
    }

    /// Of several stores of an object the last one counts. Clients store the record of a blob once more by itself.
    private mutating func put(_ oid: ObjectID, _ serial: TransactionID, _ data: ByteBuffer, blob: UncommittedBlob?) {
        var blob = blob
        self.byteCount += data.readableBytes
        let index = self.stores[oid]
        if let index {
            switch self.draft.operations[index] {
            case .store(_, _, let old):
                self.byteCount -= old.readableBytes
            case .storeBlob(_, _, let old, let oldBlob):
                self.byteCount -= old.readableBytes
                blob = blob ?? oldBlob
            case .checkCurrent, .undo, .delete, .restore:
                preconditionFailure("Only stores are remembered by their place.")
            }
        }
        let operation: TransactionDraft.Operation =
            blob.map { .storeBlob(oid, serial: serial, data: data, blob: $0) }
            ?? .store(oid, serial: serial, data: data)
        if let index {
            self.draft.operations[index] = operation
        } else {
            self.stores[oid] = self.draft.operations.count
            self.append(operation)
        }
    }

    mutating func restore(
        _ oid: ObjectID,
        serial: TransactionID,
        data: ByteBuffer?,
        dataTransaction: TransactionID?
    ) {
        self.byteCount += data?.readableBytes ?? 0
        self.append(
            .restore(oid, serial: serial, data: data?.copied, dataTransaction: dataTransaction, blob: nil)
        )
    }

    mutating func delete(_ oid: ObjectID, serial: TransactionID) {
        self.append(.delete(oid, serial: serial))
    }

    mutating func undo(_ tid: TransactionID) {
        self.append(.undo(tid))
    }

    mutating func check(_ oid: ObjectID, serial: TransactionID) {
        self.append(.checkCurrent(oid, serial: serial))
    }

    private mutating func append(_ operation: TransactionDraft.Operation) {
        self.draft.operations.append(operation)
        self.overhead += Self.operationOverhead
    }

    /// Everything, for the vote.
    func makeDraft() -> TransactionDraft { self.draft }
}

extension ByteBuffer {
    /// The same bytes in memory of their own: a slice would keep the whole network buffer that it came in.
    fileprivate var copied: ByteBuffer { ByteBuffer(bytes: self.readableBytesView) }
}
