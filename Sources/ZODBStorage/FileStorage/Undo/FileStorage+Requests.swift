//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import ZODBFormat

/// Undoing, deleting and restoring: what can only be written once it is known what is committed.
extension FileStorage {
    /// A transaction that is to be undone, or why it cannot be.
    typealias FoundTransaction = Result<UndoneTransaction, StorageError>

    /// Finds the transactions that a draft undoes, before its vote takes its turn: they may be far back in the file. What
    /// is wrong with one is thrown only when it is its turn.
    func undoneTransactions(of draft: CheckedDraft) async throws -> [TransactionID: FoundTransaction] {
        var found: [TransactionID: FoundTransaction] = [:]
        for case .undo(let tid) in draft.requests where found[tid] == nil {
            try await self.appender.published(through: tid)
            found[tid] = try await self.undoneTransaction(tid)
        }
        return found
    }

    private func undoneTransaction(_ tid: TransactionID) async throws -> FoundTransaction {
        let (file, end) = try self.index.extent()
        do {
            return .success(try await Self.reading { try UndoneTransaction(tid, in: file, end: end) })
        } catch let error as StorageError where error.code == .undoFailed {
            return .failure(error)
        }
    }

    /// Adds to a draft what its requests lead to, while its vote holds the place.
    func fulfilRequests(
        of draft: inout CheckedDraft,
        undoing found: [TransactionID: FoundTransaction]
    ) async throws {
        guard !draft.requests.isEmpty else { return }
        var found = found
        let file = try self.index.extent().file
        for (tid, undone) in found {
            // A pack has put another file in the place of the one that was searched, unless nothing was found anyway.
            if case .success(let undone) = undone, undone.file !== file {
                found[tid] = try await self.undoneTransaction(tid)
            }
        }
        try await self.waitUntilReadable(draft.requests, undoing: found)
        try draft.forEachRequest { [found] draft, request in
            switch request {
            case .undo(let tid):
                if let undone = try found[tid]?.get() { try self.undo(undone, in: &draft) }
            case .delete(let oid, let serial):
                try self.delete(oid, serial, in: &draft)
            case .restore(let oid, let data, let dataTransaction):
                let source = try dataTransaction.flatMap { try self.record(of: oid, at: $0, holding: data) }
                draft.append(
                    .init(
                        oid: oid,
                        serial: draft.tid ?? .zero,
                        payload: source.map { .pointer($0) } ?? data.map { .data($0) } ?? .nothing,
                        ignoresQuota: true
                    )
                )
            }
        }
    }

    /// Waits until the newest records of all objects that will be compared are in the file. Nobody can queue others
    /// meanwhile.
    private func waitUntilReadable(
        _ requests: [CheckedDraft.Request],
        undoing found: [TransactionID: FoundTransaction]
    ) async throws {
        var newest = TransactionID.zero
        func note(_ oid: ObjectID) {
            if let queued = self.appender.queuedRevision(of: oid) { newest = max(newest, queued.tid) }
        }
        for request in requests {
            switch request {
            case .undo(let tid):
                if case .success(let undone) = found[tid] { try undone.forEachRecord { note($0.header.oid) } }
            case .restore(let oid, _, _?): note(oid)
            case .restore, .delete: break
            }
        }
        if newest > .zero { try await self.appender.published(through: newest) }
    }

    private func undo(_ undone: UndoneTransaction, in draft: inout CheckedDraft) throws {
        let merges = draft.mergesConflicts
        let decision = UndoDecision(records: RecordReader(undone.file)) { old, committed, new in
            merges ? try ConflictMerge.mergedRecord(old: old, committed: committed, new: new) : nil
        }
        var stores: [CheckedDraft.Store] = []
        var last: [ObjectID: Int] = [:]
        if merges { try undone.forEachRecord { last[$0.header.oid] = $0.position } }
        // Of several records of one object it is the last one's problem that counts.
        var problems: [ObjectID: (place: Int, problem: String)] = [:]
        var count = 0
        try undone.forEachRecord { record in
            let oid = record.header.oid
            problems[oid] = nil
            count += 1
            let newest = try self.newestPosition(of: oid)
            let pending = draft.payload(of: oid)
            switch try decision.undo(
                record,
                last: last[oid] ?? record.position,
                newest: newest,
                pending: pending
            ) {
            case .write(let payload):
                stores.append(.init(oid: oid, serial: .zero, payload: payload, ignoresQuota: true))
            case .refuse(let problem):
                problems[oid] = (count, problem)
            }
        }
        guard problems.isEmpty else {
            let sorted = problems.sorted { $0.value.place < $1.value.place }.map { ($0.key, $0.value.problem) }
            throw StorageError.undoFailed(undone.transaction.header.tid, sorted)
        }
        for store in stores { draft.append(store, isMerged: true) }
    }

    private func delete(_ oid: ObjectID, _ serial: TransactionID, in draft: inout CheckedDraft) throws {
        guard let committed = try self.committedSerial(of: oid) else { throw StorageError.noSuchObject(oid) }
        guard committed.tid == serial else {
            throw StorageError(
                .conflict,
                "object \(oid) is to be deleted as of \(serial) and has changed at \(committed.tid)",
                oid: oid,
                serials: (committed.tid, serial)
            )
        }
        draft.append(.init(oid: oid, serial: serial, payload: .nothing))
    }

    /// The position of the record that a transaction wrote for an object, if it is still there and has the same data.
    private func record(of oid: ObjectID, at tid: TransactionID, holding data: ByteBuffer?) throws -> Int? {
        let records = RecordReader(try self.index.extent().file)
        var position = try self.newestPosition(of: oid)
        while position != 0 {
            let record = try records.record(at: position, of: oid)
            if record.header.tid <= tid {
                guard record.header.tid == tid, try records.dataIfAny(of: record) == data else { return nil }
                return position
            }
            position = try records.previous(of: record)
        }
        return nil
    }
}
