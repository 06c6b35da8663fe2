//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ZODBFormat
import ZODBStorage

extension Connection {
    /// A vote that may be finished, and the objects for which it stores something else than the connection has.
    struct PreparedVote {
        var id: VoteID
        var merged: Set<ObjectID>
    }

    /// How often a transaction votes at most, each time with what others have committed meanwhile merged into it.
    private static let maximumVotes = 10

    /// Has the storage vote. Conflicts that it leaves to its clients, as a server may be told to, are resolved here where
    /// the rules for objects of the class are known; then the transaction votes again.
    ///
    /// Throws `StorageError.conflict` when an object cannot be merged.
    func vote(_ draft: TransactionDraft) async throws -> PreparedVote {
        let storage = self.database.storage
        var draft = draft
        var merged: Set<ObjectID> = []
        var votes = 0
        while true {
            votes += 1
            switch try await storage.vote(draft) {
            case .prepared(let id):
                merged.formUnion(await storage.mergedObjects(of: id))
                return PreparedVote(id: id, merged: merged)
            case .conflicts(let conflicts):
                guard votes < Self.maximumVotes, try await self.merge(conflicts, into: &draft) else {
                    throw StorageError.conflict(conflicts)
                }
                merged.formUnion(conflicts.map(\.oid))
            }
        }
    }

    /// Merges what others have committed into the transaction's revisions; `false` when that cannot be done.
    private func merge(_ conflicts: [ObjectConflict], into draft: inout TransactionDraft) async throws -> Bool {
        guard !conflicts.isEmpty, conflicts.allSatisfy({ RecordMerge.understands($0.data) }) else { return false }
        let storage = self.database.storage
        var stores: [ObjectID: TransactionDraft.Operation] = [:]
        for conflict in conflicts {
            do {
                let old = try await storage.load(conflict.oid, at: conflict.read)
                let committed = try await storage.load(conflict.oid, at: conflict.committed)
                let record = try RecordMerge.merge(old: old, committed: committed, new: conflict.data)
                stores[conflict.oid] = .store(conflict.oid, serial: conflict.committed, data: record)
            } catch is MergeRefusal {
                return false
            } catch let error as StorageError where error.code == .noSuchObject {
                // A revision has been packed away.
                return false
            }
        }
        for (index, operation) in draft.operations.enumerated() {
            guard case .store(let oid, _, _) = operation, let store = stores.removeValue(forKey: oid) else { continue }
            draft.operations[index] = store
        }
        // A conflict over something that the transaction does not store is none that can be resolved.
        return stores.isEmpty
    }
}
