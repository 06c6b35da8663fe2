//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import ZODBFormat

/// What undoing one record of a transaction writes, by the rules of Python's FileStorage.
///
/// The object gets back what it was before that record, as a pointer to it, if nothing has changed it since, or if what
/// has changed it since left it as it was. Else the later changes have to be merged with the earlier state.
struct UndoDecision {
    /// What may happen to a record that is to be undone.
    enum Outcome: Hashable {
        case write(CheckedDraft.Payload)
        /// The object cannot be undone, for this reason (in the words of Python's `UndoError`).
        case refuse(String)
    }

    let records: RecordReader
    /// Merges two changes of a record; `nil` where it cannot.
    let merge: (_ old: ByteBuffer, _ committed: ByteBuffer, _ new: ByteBuffer) throws -> ByteBuffer?

    /// Decides about `record`, when `last` is the position of the last record of the object in the same transaction,
    /// `newest` that of its newest record (zero when there is none), and `pending` what the same draft has for the object
    /// already.
    func undo(
        _ record: RecordReader.Record,
        last: Int,
        newest: Int,
        pending: CheckedDraft.Payload?
    ) throws -> Outcome {
        let before = try self.records.previous(of: record)
        if pending == nil, newest == record.position { return self.takeBack(to: before) }
        let current = try self.current(of: record.header.oid, newest: newest, pending: pending)
        if current.position == record.position { return self.takeBack(to: before) }
        guard let undone = try self.records.dataIfAny(of: record),
            let committed = try current.data ?? self.data(of: record.header.oid, at: current.position)
        else { return .refuse("_loadBack() failed") }
        if undone == committed { return self.takeBack(to: before) }
        guard before != 0 else {
            return .refuse("Can't undo an add transaction followed by conflicting transactions.")
        }
        guard let new = try self.data(of: record.header.oid, at: before) else { return .refuse("_loadBack() failed") }
        // Of several records that the transaction has of the object, as an undo of several may write, the last one is
        // what everybody else has loaded.
        let old = last == record.position ? undone : try self.data(of: record.header.oid, at: last)
        guard let old, let merged = try self.merge(old, committed, new), merged.readableBytes > 0
        else {
            return .refuse("Some data were modified by a later transaction")
        }
        return .write(.data(merged))
    }

    private func takeBack(to before: Int) -> Outcome {
        .write(before == 0 ? .nothing : .pointer(before))
    }

    /// The data of an object's current state, or where it is.
    private func current(
        of oid: ObjectID,
        newest: Int,
        pending: CheckedDraft.Payload?
    ) throws -> (position: Int?, data: ByteBuffer?) {
        switch pending {
        case .data(let data): return (nil, data)
        case .pointer(let position): return (position, nil)
        case .nothing: return (0, nil)
        case nil: break
        }
        guard newest != 0 else { return (0, nil) }
        switch try self.records.content(of: try self.records.record(at: newest, of: oid)) {
        case .data(let data): return (newest, data)
        case .pointer(let position): return (position, nil)
        }
    }

    /// The data of the record at a position; `nil` where there is none.
    private func data(of oid: ObjectID, at position: Int?) throws -> ByteBuffer? {
        guard let position, position != 0 else { return nil }
        return try self.records.dataIfAny(of: try self.records.record(at: position, of: oid))
    }
}
