//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import ZODBFormat

/// What `body` returns; `nil` where it finds no such object or revision.
func ifAny<Result>(_ body: () throws -> Result?) throws -> Result? {
    do {
        return try body()
    } catch let error as StorageError where error.code == .noSuchObject {
        return nil
    }
}

/// What `body` returns; `nil` where it finds no such object or revision.
func ifAny<Result>(
    isolation: isolated (any Actor)? = #isolation,
    _ body: () async throws -> Result?
) async throws -> Result? {
    do {
        return try await body()
    } catch let error as StorageError where error.code == .noSuchObject {
        return nil
    }
}

/// Revisions as they look with one storage laid over another.
struct DemoLayers: Sendable {
    let base: any LocalStorage
    let changes: any LocalStorage

    /// The newest revision of an object before `tid`; `nil` when it was created later.
    func load(_ oid: ObjectID, before tid: TransactionID) throws -> ObjectRevision? {
        try self.newest(
            of: oid,
            before: tid,
            { try $0.load(oid, before: tid) },
            { revision in
                if revision.next == nil { revision.next = try self.firstChange(of: oid, notBefore: tid) }
            }
        )
    }

    /// The tid of the newest revision of an object before `tid`; `nil` when it was created later.
    func serial(of oid: ObjectID, before tid: TransactionID) throws -> TransactionID? {
        try self.newest(of: oid, before: tid, { try $0.serial(of: oid, before: tid) }, { _ in })
    }

    private func newest<Revision>(
        of oid: ObjectID,
        before tid: TransactionID,
        _ look: (any LocalStorage) throws -> Revision?,
        _ mendNext: (inout Revision) throws -> Void
    ) throws -> Revision? {
        let changed: Revision?
        do {
            changed = try look(self.changes)
        } catch let error as StorageError where error.code == .noSuchObject {
            return try look(self.base)
        }
        if let changed { return changed }
        // The changes know the object, and not yet at that time.
        guard var revision = try ifAny({ try look(self.base) }) else { return nil }
        try mendNext(&revision)
        return revision
    }

    /// The first transaction of the changes that wrote an object; none is older than `tid`.
    private func firstChange(of oid: ObjectID, notBefore tid: TransactionID) throws -> TransactionID? {
        if tid >= .max { return nil }
        var first: TransactionID?
        // An object that does not exist in the changes now did so once. The base's revision is known to be valid until
        // the time that was asked for.
        guard let newest = try ifAny({ try self.changes.serial(of: oid, before: .max) }) else { return tid }
        var next: TransactionID? = newest
        while let serial = next {
            first = serial
            next = try self.changes.serial(of: oid, before: serial)
        }
        return first
    }

    /// The record that a transaction wrote for an object.
    func load(_ oid: ObjectID, at serial: TransactionID) throws -> ByteBuffer {
        if let data = try ifAny({ try self.changes.load(oid, at: serial) }) { return data }
        return try self.base.load(oid, at: serial)
    }

    /// The tid of the current revision of an object; `nil` when there is no such object.
    func serialIfAny(of oid: ObjectID) throws -> TransactionID? {
        try ifAny { try self.serial(of: oid, before: .max) }
    }

    /// What a draft is against what is committed in either layer.
    struct Checked {
        /// The stores that started from other revisions, and could not be merged.
        var conflicts: [ObjectConflict] = []
        /// The objects that were merged.
        var merged: [ObjectID] = []
        /// The draft as it concerns the changes.
        var forwarded: TransactionDraft
    }

    /// Compares every serial of a draft with what is committed in either layer, and merges where the draft wants that:
    /// the changes alone could not, since they may not have the revision that both started from.
    ///
    /// Throws as votes do where an object that was only read has changed or is not there.
    func check(_ draft: TransactionDraft) throws -> Checked {
        var checked = Checked(forwarded: draft)
        checked.forwarded.operations = []
        // The place that counts is the one of the storage over both.
        checked.forwarded.keepsPlaceInConflict = false
        let last = draft.lastStores
        for (place, operation) in draft.operations.enumerated() {
            switch operation {
            case .store(let oid, let serial, let data), .storeBlob(let oid, let serial, let data, _):
                guard last[oid] == place, let committed = try self.serialIfAny(of: oid), committed != serial else {
                    checked.forwarded.operations.append(operation)
                    continue
                }
                let conflict = ObjectConflict(oid: oid, committed: committed, read: serial, data: data)
                if draft.mergesConflicts, let merged = self.merged(conflict) {
                    checked.merged.append(oid)
                    checked.forwarded.operations.append(.store(oid, serial: committed, data: merged))
                } else {
                    checked.conflicts.append(conflict)
                }
            case .checkCurrent(let oid, let serial):
                if try ifAny({ try self.changes.serial(of: oid, before: .max) }) != nil {
                    checked.forwarded.operations.append(operation)
                } else {
                    // The changes do not know what the base has, and must not be asked about it.
                    try self.checkCurrent(oid, serial)
                }
            case .undo, .delete, .restore:
                checked.forwarded.operations.append(operation)
            }
        }
        return checked
    }

    /// The record with both changes of an object; `nil` where nobody but the application can tell it.
    private func merged(_ conflict: ObjectConflict) -> ByteBuffer? {
        guard let new = try? CompressedRecord.expanded(conflict.data), RecordMerge.understands(new),
            let old = try? CompressedRecord.expanded(self.load(conflict.oid, at: conflict.read)),
            let committed = try? CompressedRecord.expanded(self.load(conflict.oid, at: conflict.committed)),
            let merged = try? RecordMerge.merge(old: old, committed: committed, new: new)
        else { return nil }
        return CompressedRecord.isCompressed(conflict.data) ? try? CompressedRecord.compressed(merged) : merged
    }

    private func checkCurrent(_ oid: ObjectID, _ serial: TransactionID) throws {
        guard let committed = try self.serialIfAny(of: oid) else { throw StorageError.noSuchObject(oid) }
        guard committed == serial else {
            throw StorageError(
                .readConflict,
                "object \(oid) was read at \(serial) and has changed at \(committed)",
                oid: oid,
                serials: (committed, serial)
            )
        }
    }
}

extension TransactionDraft {
    /// Where in the operations the last store of each object is.
    fileprivate var lastStores: [ObjectID: Int] {
        var places: [ObjectID: Int] = [:]
        for (place, operation) in self.operations.enumerated() {
            switch operation {
            case .store(let oid, _, _), .storeBlob(let oid, _, _, _): places[oid] = place
            case .checkCurrent, .undo, .delete, .restore: break
            }
        }
        return places
    }

    /// The objects that the draft itself names as stored.
    var storedObjects: [ObjectID] { Array(self.lastStores.keys) }

    /// The same draft, whose stores of these objects start from what is committed.
    func startingFromCommitted(of conflicts: [ObjectConflict]) -> TransactionDraft {
        let committed = Dictionary(conflicts.map { ($0.oid, $0.committed) }) { $1 }
        var draft = self
        draft.operations = self.operations.map { operation in
            switch operation {
            case .store(let oid, let serial, let data):
                .store(oid, serial: committed[oid] ?? serial, data: data)
            case .storeBlob(let oid, let serial, let data, let blob):
                .storeBlob(oid, serial: committed[oid] ?? serial, data: data, blob: blob)
            default: operation
            }
        }
        return draft
    }
}
