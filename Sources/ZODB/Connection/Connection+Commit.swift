//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import ZODBFormat
import ZODBStorage

extension Connection {
    /// Stores what was changed, and every new object that is reachable from it.
    func commitChanges() async throws -> TransactionID? {
        try self.checkOpen()
        guard !self.changed.isEmpty else {
            self.current = nil
            return nil
        }
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
    private func newObjects(reachableFrom objects: [PersistentObject]) throws -> [PersistentObject] {
        var new: [PersistentObject] = []
        var seen: Set<ObjectIdentifier> = []
        var strangers: [PersistentObject] = []
        var next = objects[...]
        while let object = next.popFirst() {
            object.forEachReference { reference in
                guard case .object(let target) = reference.target else { return }
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
        if let stranger = strangers.first {
            throw StorageError(.invalidArgument, "an object of another connection is referred to", oid: stranger.oid)
        }
        return new
    }

    private func adopt(_ new: [PersistentObject], _ oids: [ObjectID]) {
        for (object, oid) in zip(new, oids) {
            object.oid = oid
            object.connection = self
            self.cache.insert(object, oid)
        }
    }

    /// Undoes `adopt`: a new object whose commit failed is as new as before.
    private func disown(_ object: PersistentObject) {
        guard object.serial == .zero, let oid = object.oid else { return }
        self.cache.remove(oid)
        object.oid = nil
        object.connection = nil
    }

    private func store(_ objects: [PersistentObject]) async throws -> TransactionID {
        let storage = self.database.storage
        var draft = TransactionDraft()
        draft.mergesConflicts = true
        draft.metadata.user = ByteBuffer(string: self.current?.user ?? "")
        draft.metadata.description = ByteBuffer(string: self.current?.note ?? "")
        var checks = self.current?.mustBeCurrent ?? [:]
        for object in objects {
            guard let oid = object.oid else { preconditionFailure("an object is stored after it has an oid") }
            checks[oid] = nil
            draft.operations.append(.store(oid, serial: object.serial, data: object.record))
        }
        for (oid, serial) in checks { draft.operations.append(.checkCurrent(oid, serial: serial)) }

        let vote = try await self.vote(draft)
        if Task.isCancelled {
            await storage.abort(vote.id)
            throw CancellationError()
        }
        let tid = try await storage.finish(vote.id)
        for object in objects { object.didCommit(tid) }
        for oid in vote.merged {
            // The storage has something else than the object: not this revision, then, but the one to be loaded.
            self.cache.object(oid)?.serial = .zero
            var news = InvalidationInbox.News(last: tid)
            news.written[oid] = tid
            if var unread = self.unread {
                unread.merge(news)
                news = unread
            }
            self.unread = news
        }
        return tid
    }
}
