//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import ZODBFormat
import ZODBStorage

extension Connection {
    /// Marks a point within the transaction to which it can return with `rollBack(to:)`.
    ///
    /// Everything that was changed is written down, so that a long transaction with savepoints need not keep all of its
    /// objects in memory. New objects get their identifiers. Savepoints end with their transaction.
    ///
    /// Throws what a commit throws before it votes.
    public func savepoint() async throws -> Savepoint {
        try self.checkOpen()
        if self.current == nil { try await self.refresh() }
        try self.checkWritable()
        var oids: [ObjectID] = []
        var new = try self.newObjects(reachableFrom: self.changed)
        while oids.count < new.count {
            oids += try await self.database.storage.newObjectIDs(new.count - oids.count)
            new = try self.newObjects(reachableFrom: self.changed)
        }
        // Nothing may be awaited from here on: nobody else must see half of it.
        self.adopt(new, oids)
        for object in self.changed + new {
            guard let oid = object.oid else { preconditionFailure("an object is saved after it has an oid") }
            let record = object.record
            self.cache.resize(object, to: record.readableBytes)
            self.saved.add(oid, data: record, serial: object.serial, blob: object.uncommittedBlob)
            object.didSave()
        }
        self.changed = []
        self.lastSavepoint += 1
        self.savepoints.append(self.lastSavepoint)
        self.cache.shrink()
        return Savepoint(
            number: self.lastSavepoint,
            saved: self.saved,
            mustBeCurrent: self.current?.mustBeCurrent ?? [:]
        )
    }

    /// Forgets what the transaction has changed since a savepoint. Savepoints after that one are over; to it the
    /// transaction may return again.
    ///
    /// Throws `StorageError.invalidArgument` for a savepoint that is over. Where an object cannot be loaded, nothing is
    /// forgotten.
    public func rollBack(to savepoint: Savepoint) async throws {
        try self.checkOpen()
        guard self.savepoints.contains(savepoint.number), let snapshot = self.current?.snapshot else {
            throw StorageError(.invalidArgument, "the savepoint is over")
        }
        // Those that nobody holds are forgotten, and loaded again when they are asked for.
        let later = self.saved.saved(after: savepoint.saved)
        let oids = later.filter { savepoint.saved[$0.oid] != nil || !$0.entry.isNew }.map(\.oid)
        let written = Dictionary(uniqueKeysWithValues: oids.map { ($0, TransactionID.max) })
        var adoptions: [ObjectID: (object: PersistentObject, blob: UncommittedBlob?, adopt: () -> Void)] = [:]
        for (oid, object) in self.cache.outdated(by: written) {
            let entry = savepoint.saved[oid]
            var data = entry?.data
            if data == nil { data = try await self.revision(oid, snapshot).data }
            guard let data else { continue }
            adoptions[oid] = (object, entry?.blob, try object.adoption(of: data, oid))
        }
        // While the storage was asked, somebody else in this isolation may have ended the transaction, or gone on.
        guard self.savepoints.contains(savepoint.number),
            self.cache.outdated(by: written).allSatisfy({ adoptions[$0.oid] != nil })
        else { throw StorageError(.invalidArgument, "the connection is used by two tasks at once") }
        for object in self.changed { object.revert() }
        self.changed = []
        for adoption in adoptions.values {
            adoption.adopt()
            adoption.object.uncommittedBlob = adoption.blob
        }
        for (oid, entry) in later where entry.isNew && savepoint.saved[oid] == nil { self.retire(oid) }
        self.saved.restore(savepoint.saved)
        self.current?.mustBeCurrent = savepoint.mustBeCurrent
        self.savepoints.removeAll { $0 > savepoint.number }
        self.generation += 1
    }

    /// Runs `body` as a part of the transaction: when it throws, what it has changed is forgotten, and the transaction may
    /// go on.
    public func withSavepoint<Result>(_ body: () async throws -> Result) async throws -> Result {
        let savepoint = try await self.savepoint()
        do {
            return try await body()
        } catch {
            try await self.rollBack(to: savepoint)
            throw error
        }
    }

    /// Forgets what savepoints have written down, because the transaction ends without being committed.
    func forgetSaved() {
        guard !self.saved.isEmpty else {
            self.savepoints = []
            return
        }
        var news = InvalidationInbox.News(last: self.current?.snapshot ?? self.database.hub.last)
        for (oid, entry) in self.saved.entries {
            if entry.isNew {
                self.retire(oid)
            } else if let object = self.cache.object(oid) {
                // It shows what was saved, which is no revision; the next snapshot brings it up to date.
                object.serial = .zero
                object.uncommittedBlob = nil
                news.written[oid] = news.last
            }
        }
        self.note(news)
        self.endSavepoints()
    }

    /// The transaction is over, and so are its savepoints.
    func endSavepoints() {
        self.saved = SavedChanges()
        self.savepoints = []
    }

    /// An object that a savepoint has given an identifier will not be stored: it is as new as before.
    private func retire(_ oid: ObjectID) {
        self.retired.insert(oid)
        if let object = self.cache.object(oid) { self.disown(object) }
    }
}
