//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import ZODBFormat
import ZODBStorage

extension Connection {
    /// Stores what was changed, and every new object that is reachable from it.
    func commitChanges() async throws -> TransactionID? {
        try self.checkOpen()
        guard self.hasChanges else {
            self.current = nil
            self.endSavepoints()
            return nil
        }
        try self.checkWritable()
        let changed = self.changed
        var new = try self.newObjects(reachableFrom: changed)
        self.isCommitting = true
        defer { self.isCommitting = false }
        do {
            var oids: [ObjectID] = []
            while oids.count < new.count {
                oids += try await self.database.storage.newObjectIDs(new.count - oids.count)
                // Somebody else in this isolation may have added new objects to new objects meanwhile.
                new = try self.newObjects(reachableFrom: changed)
            }
            self.adopt(new, oids)
            let tid = try await self.store(changed + new)
            self.changed = []
            self.endSavepoints()
            self.current = nil
            // The changes are stored; if the next snapshot cannot be had now, the next access asks for it.
            try? await self.begin()
            return tid
        } catch {
            for object in new { self.disown(object) }
            throw error
        }
    }

    /// The objects without an identifier that are reachable from `objects` through others of their kind.
    func newObjects(reachableFrom objects: [PersistentObject]) throws -> [PersistentObject] {
        var new: [PersistentObject] = []
        var seen: Set<ObjectIdentifier> = []
        var strangers: [PersistentObject] = []
        var lost: ObjectID?
        var next = objects[...]
        while let object = next.popFirst() {
            object.forEachReference { reference in
                guard case .object(let target) = reference.target else {
                    if let oid = reference.oid, self.retired.contains(oid) { lost = oid }
                    return
                }
                if target.oid == nil {
                    if seen.insert(ObjectIdentifier(target)).inserted {
                        new.append(target)
                        next.append(target)
                    }
                } else if target.connection !== self {
                    strangers.append(target)
                }
            }
        }
        if let lost {
            let problem =
                "a new object was forgotten when the transaction returned to a savepoint, and is still referred to"
            throw StorageError(.invalidArgument, problem, oid: lost)
        }
        if let stranger = strangers.first {
            throw StorageError(.invalidArgument, "an object of another connection is referred to", oid: stranger.oid)
        }
        return new
    }

    func adopt(_ new: [PersistentObject], _ oids: [ObjectID]) {
        for (object, oid) in zip(new, oids) {
            object.oid = oid
            object.connection = self
            self.cache.insert(object, oid)
        }
    }

    /// Undoes `adopt`: a new object whose commit failed is as new as before.
    func disown(_ object: PersistentObject) {
        guard object.serial == .zero, let oid = object.oid else { return }
        self.cache.remove(oid)
        object.oid = nil
        object.connection = nil
    }

    private func store(_ objects: [PersistentObject]) async throws -> TransactionID {
        let storage = self.database.storage
        var draft = TransactionDraft()
        draft.mergesConflicts = true
        draft.metadata = self.current?.metadata ?? .init()
        var checks = self.current?.mustBeCurrent ?? [:]
        for object in objects {
            guard let oid = object.oid else { preconditionFailure("an object is stored after it has an oid") }
            checks[oid] = nil
            let record = object.record
            self.cache.resize(object, to: record.readableBytes)
            self.noteLargeRecord(oid, record)
            draft.store(oid, serial: object.serial, data: record, blob: object.uncommittedBlob)
        }
        let stored = Set(objects.compactMap(\.oid))
        let saved = self.saved.entries.filter { !stored.contains($0.key) }
        for (oid, entry) in saved.sorted(by: { $0.key < $1.key }) {
            checks[oid] = nil
            draft.store(oid, serial: entry.serial, data: entry.data, blob: entry.blob)
        }
        for (oid, serial) in checks { draft.operations.append(.checkCurrent(oid, serial: serial)) }

        let vote = try await self.vote(draft)
        if Task.isCancelled {
            await storage.abort(vote.id)
            throw CancellationError()
        }
        let tid = try await storage.finish(vote.id)
        for object in objects { object.didCommit(tid) }
        for oid in saved.keys { self.cache.object(oid)?.didCommit(tid) }
        for oid in vote.merged {
            // The storage has something else than the object: not this revision, then, but the one to be loaded.
            self.cache.object(oid)?.serial = .zero
            var news = InvalidationInbox.News(last: tid)
            news.written[oid] = tid
            self.note(news)
        }
        return tid
    }

    private func noteLargeRecord(_ oid: ObjectID, _ record: ByteBuffer) {
        guard record.readableBytes > self.database.options.largeRecordSize else { return }
        self.database.options.logger.warning(
            "the record of an object is large: blobs are for large contents",
            metadata: ["zodb.oid": "\(oid)", "zodb.record.bytes": "\(record.readableBytes)"]
        )
    }
}

extension TransactionDraft {
    /// Wishes to write an object, with its blob where it has one.
    fileprivate mutating func store(
        _ oid: ObjectID,
        serial: TransactionID,
        data: ByteBuffer,
        blob: UncommittedBlob?
    ) {
        if let blob {
            self.operations.append(.storeBlob(oid, serial: serial, data: data, blob: blob))
        } else {
            self.operations.append(.store(oid, serial: serial, data: data))
        }
    }
}
