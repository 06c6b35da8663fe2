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
    init(_ beginning: TransactionBeginning, origin: UInt64) {
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
        self.overhead =
            beginning.user.readableBytes + beginning.description.readableBytes + extensionData.readableBytes
    }

    var origin: UInt64 { self.draft.origin }

    /// The number of objects that are stored.
    var storeCount: Int { self.stores.count }

    mutating func store(_ oid: ObjectID, serial: TransactionID, data: ByteBuffer) {
        let operation = TransactionDraft.Operation.store(oid, serial: serial, data: data.copied)
        self.byteCount += data.readableBytes
        if let index = self.stores[oid] {
            if case .store(_, _, let old) = self.draft.operations[index] { self.byteCount -= old.readableBytes }
            self.draft.operations[index] = operation
        } else {
            self.stores[oid] = self.draft.operations.count
            self.draft.operations.append(operation)
            self.overhead += Self.operationOverhead
        }
    }

    mutating func check(_ oid: ObjectID, serial: TransactionID) {
        self.draft.operations.append(.checkCurrent(oid, serial: serial))
        self.overhead += Self.operationOverhead
    }

    /// Everything, for the vote.
    func makeDraft() -> TransactionDraft { self.draft }
}

extension ByteBuffer {
    /// The same bytes in memory of their own: a slice would keep the whole network buffer that it came in.
    fileprivate var copied: ByteBuffer { ByteBuffer(bytes: self.readableBytesView) }
}
