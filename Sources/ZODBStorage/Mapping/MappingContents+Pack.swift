//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ZODBFormat

extension MappingContents {
    /// The contents without the revisions that were not current any more before `tid`, and, where garbage is collected,
    /// without the objects that no remaining revision leads to from the root; with how many objects there are.
    ///
    /// As in Python's MappingStorage every remaining revision counts, not only those of the time of the pack. With `isBelow`
    /// (see `PackRequest`) every object that is there, too, counts as reached.
    ///
    /// `progress` hears of objects. Throws `StorageError.invalidArgument` when there has been a pack to a later time,
    /// `StorageError.noSuchObject` for a reference that leads nowhere: then it is not known what garbage is.
    func packed(
        before tid: TransactionID,
        collectsGarbage: Bool,
        isBelow: ((ObjectID) throws -> Bool)? = nil,
        progress: (PackProgress) -> Void
    ) throws -> MappingContents {
        if let lastPack {
            if lastPack == tid { return self }
            guard lastPack < tid else {
                throw StorageError(.invalidArgument, "the storage was packed to a later time already")
            }
        }
        var kept = try collectsGarbage ? self.reachable(before: tid, isBelow, progress) : self.revisions
        var removed = Set(self.revisions.keys).subtracting(kept.keys)
        for (oid, revisions) in kept {
            let current = revisions.lastIndex { $0.tid < tid } ?? 0
            guard current > 0 else { continue }
            kept[oid] = Array(revisions[current...])
            removed.insert(oid)
        }
        var packed = self
        packed.lastPack = tid
        packed.replace(kept, changed: removed)
        return packed
    }

    /// The revisions of the objects that can be reached from the root, without looking at those that the pack removes.
    private func reachable(
        before tid: TransactionID,
        _ isBelow: ((ObjectID) throws -> Bool)?,
        _ progress: (PackProgress) -> Void
    ) throws -> [ObjectID: [Revision]] {
        var reachable: [ObjectID: [Revision]] = [:]
        var next: [ObjectID] = [.root]
        if let isBelow { next += try self.revisions.keys.filter(isBelow) }
        while let oid = next.popLast() {
            guard reachable[oid] == nil else { continue }
            guard let revisions = self.revisions[oid] else {
                if isBelow != nil { continue }
                throw StorageError.noSuchObject(oid)
            }
            reachable[oid] = revisions
            let current = revisions.lastIndex { $0.tid < tid } ?? 0
            for revision in revisions[current...] {
                let record = try CompressedRecord.expanded(revision.data)
                for reference in try ObjectReference.all(in: record) where reference.isStrong {
                    next.append(reference.oid)
                }
            }
            if reachable.count.isMultiple(of: 1000) {
                progress(.init(phase: .marking, completed: reachable.count, total: self.revisions.count))
            }
        }
        return reachable
    }
}
