//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import ZODBFormat

/// Merges two changes of the same record, where that needs nothing of the application.
enum ConflictMerge {
    /// Whether records of this kind may be merged at all; if not, their other revisions need not be read.
    static func understands(_ record: ByteBuffer) -> Bool {
        guard let record = try? CompressedRecord.expanded(record, maximumLength: self.maximumLength) else {
            return false
        }
        return RecordMerge.understands(record)
    }

    /// Longer records are not expanded for this, while everybody waits.
    private static let maximumLength = 1 << 24

    /// The record that has the changes from `old` to `committed` and those from `old` to `new`; `nil` where they cannot
    /// be merged. Where `new` is compressed, it is, too.
    static func mergedRecord(old: ByteBuffer, committed: ByteBuffer, new: ByteBuffer) throws -> ByteBuffer? {
        let records = try? [old, committed, new].map {
            try CompressedRecord.expanded($0, maximumLength: self.maximumLength)
        }
        guard let records,
            let merged = try? RecordMerge.merge(old: records[0], committed: records[1], new: records[2])
        else { return nil }
        return CompressedRecord.isCompressed(new) ? try CompressedRecord.compressed(merged) : merged
    }
}

/// The revisions that the stores of a draft started from, where others have been committed since.
///
/// They are looked for before the vote takes its turn: they may lie far back, and nobody is to wait for that. What is
/// committed between that and the vote's turn is so new that it is found at once.
struct MergeBases: Sendable {
    private var records: [ObjectID: ByteBuffer?] = [:]

    /// Looks for the revisions with `load`, which answers `nil` where there is none.
    init(
        of draft: CheckedDraft,
        committed: (ObjectID) throws -> CommittedSerial?,
        load: (ObjectID, TransactionID) throws -> ByteBuffer?
    ) throws {
        guard draft.mergesConflicts else { return }
        for conflict in try draft.staleStores(committed: committed) where ConflictMerge.understands(conflict.data) {
            self.records[conflict.oid] = .some(try load(conflict.oid, conflict.read))
        }
    }

    /// What a store started from; looked for with `load` where it was not stale when all others were looked for.
    func record(
        of conflict: ObjectConflict,
        load: (ObjectID, TransactionID) throws -> ByteBuffer?
    ) rethrows -> ByteBuffer? {
        if let record = self.records[conflict.oid] { return record }
        return try load(conflict.oid, conflict.read)
    }
}

extension CheckedDraft {
    /// Merges what can be merged of `conflicts` into the draft, and returns the rest. `published` waits until a revision
    /// can be loaded; `load` answers `nil` where there is none.
    mutating func merge(
        _ conflicts: [ObjectConflict],
        from bases: MergeBases,
        published: (TransactionID) async throws -> Void,
        load: (ObjectID, TransactionID) throws -> ByteBuffer?
    ) async throws -> [ObjectConflict] {
        guard self.mergesConflicts else { return conflicts }
        var rest: [ObjectConflict] = []
        for conflict in conflicts {
            if ConflictMerge.understands(conflict.data) {
                try await published(conflict.committed)
                if let old = try bases.record(of: conflict, load: load),
                    let committed = try load(conflict.oid, conflict.committed),
                    let merged = try ConflictMerge.mergedRecord(old: old, committed: committed, new: conflict.data)
                {
                    self.replace(conflict, with: merged)
                    continue
                }
            }
            rest.append(conflict)
        }
        return rest
    }
}
