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

/// A draft as a storage commits it: of several stores of one object the last one, in order of first mention. Where it
/// undoes, deletes or restores something, all that it writes is in the order of the draft.
struct CheckedDraft: Sendable {
    /// What a record holds.
    enum Payload: Hashable, Sendable {
        case data(ByteBuffer)
        /// The position of an earlier record of the object, in the file as it is while the vote holds the place: its data
        /// is this one's, too.
        case pointer(Int)
        /// The object does not exist from now on.
        case nothing

        /// The length of the data that is written.
        var dataLength: Int {
            if case .data(let data) = self { return data.readableBytes }
            return 0
        }
    }

    /// One revision to be written.
    struct Store: Sendable {
        var oid: ObjectID
        var serial: TransactionID
        var payload: Payload
        /// Whether it may be written behind the quota, as Python's FileStorage has it for all that is no new data.
        var ignoresQuota = false
    }

    /// Something that can only be written once it is known what is committed.
    enum Request: Sendable {
        case undo(TransactionID)
        case delete(ObjectID, serial: TransactionID)
        case restore(ObjectID, data: ByteBuffer?, dataTransaction: TransactionID?)
    }

    let metadata: TransactionMetadata
    let origin: UInt64
    /// The tid that the transaction must have; `nil` for the next one.
    let tid: TransactionID?
    let status: TransactionStatus
    let mergesConflicts: Bool
    /// The origin for whose next vote the place is kept after a conflict; 0 for none.
    let keepsPlaceFor: UInt64
    private(set) var stores: [Store] = []
    /// What `stores` does not have yet.
    let requests: [Request]
    /// How many of the stores are in front of each request.
    private var storesInFront: [Int] = []
    /// The objects that are written as nobody who voted has seen them.
    private(set) var merged: [ObjectID] = []
    private var mergedObjects: Set<ObjectID> = []
    private let checks: [(oid: ObjectID, serial: TransactionID)]
    /// The last store of each object.
    private var places: [ObjectID: Int] = [:]

    /// Sorts the wishes of `draft`; compares nothing yet.
    ///
    /// Throws `StorageError.invalidArgument` for a record without data: in a data file that means that the object's
    /// creation was undone, and it would come back as an error.
    init(_ draft: TransactionDraft) throws {
        self.metadata = draft.metadata
        self.origin = draft.origin
        self.tid = draft.tid
        self.status = draft.status
        self.mergesConflicts = draft.mergesConflicts
        self.keepsPlaceFor = draft.keepsPlaceInConflict ? draft.origin : 0
        var requests: [Request] = []
        var checks: [(oid: ObjectID, serial: TransactionID)] = []
        var stores: [Store] = []
        // Where in the draft the stores and the requests are.
        var storePlaces: [Int] = []
        var requestPlaces: [Int] = []
        var deleted: Set<ObjectID> = []
        for (draftPlace, operation) in draft.operations.enumerated() {
            switch operation {
            case .store(let oid, let serial, let data):
                try Self.checkData(data, of: oid)
                guard !deleted.contains(oid) else {
                    throw StorageError(
                        .invalidArgument,
                        "object \(oid) is deleted and stored again in one transaction",
                        oid: oid
                    )
                }
                let store = Store(oid: oid, serial: serial, payload: .data(data))
                if let place = self.places[oid] {
                    stores[place] = store
                    storePlaces[place] = draftPlace
                } else {
                    self.places[oid] = stores.count
                    stores.append(store)
                    storePlaces.append(draftPlace)
                }
            case .checkCurrent(let oid, let serial):
                checks.append((oid, serial))
            case .undo(let tid):
                requests.append(.undo(tid))
                requestPlaces.append(draftPlace)
            case .delete(let oid, let serial):
                deleted.insert(oid)
                requests.append(.delete(oid, serial: serial))
                requestPlaces.append(draftPlace)
            case .restore(let oid, let serial, let data, let dataTransaction, let blob):
                guard serial == draft.tid else {
                    throw StorageError(
                        .invalidArgument,
                        "object \(oid) is restored as of \(serial) in a transaction with another tid",
                        oid: oid
                    )
                }
                guard blob == nil else {
                    throw StorageError(.unsupported, "the storage cannot keep blobs", oid: oid)
                }
                if let data { try Self.checkData(data, of: oid) }
                requests.append(.restore(oid, data: data, dataTransaction: dataTransaction))
                requestPlaces.append(draftPlace)
            case .storeBlob(let oid, _, _, _):
                throw StorageError(.unsupported, "the storage cannot keep blobs", oid: oid)
            }
        }
        self.stores = stores
        self.requests = requests
        self.checks = checks
        if !requests.isEmpty { self.order(storePlaces, requestPlaces) }
    }

    /// Puts the stores into the order of the draft.
    private mutating func order(_ storePlaces: [Int], _ requestPlaces: [Int]) {
        let order = storePlaces.indices.sorted { storePlaces[$0] < storePlaces[$1] }
        self.stores = order.map { self.stores[$0] }
        for (place, store) in self.stores.enumerated() { self.places[store.oid] = place }
        self.storesInFront = requestPlaces.map { place in storePlaces.count { $0 < place } }
    }

    /// Calls `body` with each request, when all stores in front of it are in the draft and none behind it.
    mutating func forEachRequest(_ body: (inout CheckedDraft, Request) throws -> Void) rethrows {
        let stores = self.stores
        self.stores = []
        self.places = [:]
        var written = 0
        for (request, count) in zip(self.requests, self.storesInFront) {
            for store in stores[written..<count] { self.append(store) }
            written = count
            try body(&self, request)
        }
        for store in stores[written...] { self.append(store) }
    }

    private static func checkData(_ data: ByteBuffer, of oid: ObjectID) throws {
        guard data.readableBytes > 0 else {
            throw StorageError(.invalidArgument, "object \(oid) is stored without data", oid: oid)
        }
    }

    /// The objects that the transaction writes, each once.
    var oids: [ObjectID] {
        guard self.places.count < self.stores.count else { return self.stores.map(\.oid) }
        var seen: Set<ObjectID> = []
        return self.stores.map(\.oid).filter { seen.insert($0).inserted }
    }

    /// The last payload that the draft has for an object.
    func payload(of oid: ObjectID) -> Payload? { self.places[oid].map { self.stores[$0].payload } }

    /// Adds a record that a request has led to. Of several records of one object the last one counts.
    mutating func append(_ store: Store, isMerged: Bool = false) {
        if isMerged, self.mergedObjects.insert(store.oid).inserted { self.merged.append(store.oid) }
        self.places[store.oid] = self.stores.count
        self.stores.append(store)
    }

    /// The stores that started from other revisions than the committed ones.
    func staleStores(committed: (ObjectID) throws -> CommittedSerial?) rethrows -> [ObjectConflict] {
        var conflicts: [ObjectConflict] = []
        for store in self.stores {
            guard case .data(let data) = store.payload, let committed = try committed(store.oid)?.tid,
                committed != store.serial
            else { continue }
            conflicts.append(ObjectConflict(oid: store.oid, committed: committed, read: store.serial, data: data))
        }
        return conflicts
    }

    /// Puts a merged record into the place of one that conflicts.
    mutating func replace(_ conflict: ObjectConflict, with merged: ByteBuffer) {
        guard let place = self.places[conflict.oid] else { return }
        self.stores[place].serial = conflict.committed
        self.stores[place].payload = .data(merged)
        self.merged.append(conflict.oid)
    }

    /// Compares every serial of the draft with what is committed, and returns the stores that started from others.
    ///
    /// As in Python's storages, a store of an object that does not exist fits whatever its serial says, and a store
    /// over an undone creation must name the transaction that undid it. Throws `StorageError.readConflict` where an
    /// object that was only read has changed, `StorageError.noSuchObject` where it is not there.
    func conflicts(committed: (ObjectID) throws -> CommittedSerial?) throws -> [ObjectConflict] {
        let conflicts = try self.staleStores(committed: committed)
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

extension TransactionIDSequence {
    /// The identifier of a draft that is committed at a time since 1970 (UTC): its own if it has one.
    mutating func next(for draft: CheckedDraft, at timeSince1970: Duration) -> TransactionID? {
        guard let tid = draft.tid else { return self.next(at: timeSince1970) }
        return self.advance(to: tid) ? tid : nil
    }
}
