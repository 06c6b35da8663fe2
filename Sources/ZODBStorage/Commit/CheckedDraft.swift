//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import ZODBFormat

/// What a storage knows about the committed state of an object while a draft is checked.
struct CommittedSerial: Hashable, Sendable {
    /// The transaction of the newest revision, durable or queued to become so.
    var tid: TransactionID
    /// Whether that revision says that the object does not exist: its creation was undone.
    var isUndoneCreation = false
}

/// A draft as a storage commits it: of several stores of one object the last one, in order of first mention.
struct CheckedDraft: Sendable {
    /// One revision to be written.
    struct Store: Sendable {
        var oid: ObjectID
        var serial: TransactionID
        var data: ByteBuffer
    }

    let metadata: TransactionMetadata
    let origin: UInt64
    private(set) var stores: [Store] = []
    private var checks: [(oid: ObjectID, serial: TransactionID)] = []

    /// Sorts the wishes of `draft`; compares nothing yet.
    ///
    /// Throws `StorageError.invalidArgument` for a record without data: in a data file that means that the object's
    /// creation was undone, and it would come back as an error.
    init(_ draft: TransactionDraft) throws {
        self.metadata = draft.metadata
        self.origin = draft.origin
        guard draft.tid == nil, draft.status == .committed else {
            throw StorageError(.unsupported, "the storage cannot restore transactions")
        }
        var places: [ObjectID: Int] = [:]
        for operation in draft.operations {
            switch operation {
            case .store(let oid, let serial, let data):
                guard data.readableBytes > 0 else {
                    throw StorageError(.invalidArgument, "object \(oid) is stored without data", oid: oid)
                }
                let store = Store(oid: oid, serial: serial, data: data)
                if let place = places[oid] {
                    self.stores[place] = store
                } else {
                    places[oid] = self.stores.count
                    self.stores.append(store)
                }
            case .checkCurrent(let oid, let serial):
                self.checks.append((oid, serial))
            case .storeBlob, .undo, .delete, .restore:
                throw StorageError(.unsupported, "the storage cannot do what the transaction wants")
            }
        }
    }

    /// The objects that the transaction writes.
    var oids: [ObjectID] { self.stores.map(\.oid) }

    /// Compares every serial of the draft with what is committed, and returns the stores that started from others.
    ///
    /// As in Python's storages, a store of an object that does not exist fits whatever its serial says, and a store
    /// over an undone creation must name the transaction that undid it. Throws `StorageError.readConflict` where an
    /// object that was only read has changed, `StorageError.noSuchObject` where it is not there.
    func conflicts(committed: (ObjectID) throws -> CommittedSerial?) throws -> [ObjectConflict] {
        var conflicts: [ObjectConflict] = []
        for store in self.stores {
            guard let committed = try committed(store.oid)?.tid, committed != store.serial else { continue }
            conflicts.append(
                ObjectConflict(oid: store.oid, committed: committed, read: store.serial, data: store.data)
            )
        }
        for check in self.checks {
            guard let committed = try committed(check.oid), !committed.isUndoneCreation else {
                throw StorageError.noSuchObject(check.oid)
            }
            guard committed.tid == check.serial else {
                throw StorageError(
                    .readConflict,
                    "object \(check.oid) was read at \(check.serial) and has changed at \(committed.tid)",
                    oid: check.oid,
                    serials: (committed.tid, check.serial)
                )
            }
        }
        return conflicts
    }
}
