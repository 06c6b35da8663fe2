//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
public import ZODBFormat
import ZODBStorage

/// A view of a database in which objects are read and changed.
///
/// A connection shows one snapshot at a time: within a transaction nothing changes but by its own hand, however much
/// others commit. Readers never wait for writers.
///
/// A connection and its objects belong to whoever opened it. It is deliberately not `Sendable`: the compiler refuses to
/// let two tasks share it or to carry an object away from it. Open one connection for each task that works on its own
/// (`Database.connection()` is cheap), or hand closures to `Database.transaction(_:)`, which may be called from anywhere.
public final class Connection {
    /// The database that the connection reads and writes.
    public let database: Database

    /// The transaction that is going on; `nil` when the next access begins one.
    public internal(set) var current: Transaction?

    /// The objects that are loaded.
    var cache: ObjectCache
    /// The objects that the transaction has changed, each once, in the order of their first change.
    var changed: [PersistentObject] = []
    /// News that were taken from the inbox but could not be followed yet.
    var unread: InvalidationInbox.News?
    /// Whether a `transaction` or `read` with a closure, or a commit, is going on.
    var isOccupied = false
    /// Whether the changes are on their way to the storage, so that there must not be any more.
    var isCommitting = false
    /// What savepoints of the transaction have written down.
    var saved = SavedChanges()
    /// The savepoints to which the transaction can return.
    var savepoints: [UInt64] = []
    var lastSavepoint: UInt64 = 0
    /// Identifiers of new objects that a savepoint has given and a rollback has taken away.
    var retired: Set<ObjectID> = []
    /// Rises with every snapshot, so that a load that was overtaken notices it.
    var generation = 0

    /// The last transaction that a connection to the past shows; `nil` for one to the present.
    let moment: TransactionID?

    /// Where news arrive; nothing is new in the past.
    private let inbox: (inbox: InvalidationInbox, number: UInt64)?
    private let closesDatabase: Bool
    private(set) var isClosed = false
    private var isRefreshing = false

    init(_ database: Database, closesDatabase: Bool) {
        self.database = database
        self.cache = ObjectCache(limit: database.options.cacheSize, byteLimit: database.options.cacheSizeBytes)
        self.moment = nil
        self.closesDatabase = closesDatabase
        self.inbox = database.hub.open()
        database.pool.didOpen()
        database.cacheReports.add(self.cache.report)
    }

    /// A connection to the past.
    init(_ database: Database, showing moment: TransactionID) {
        self.database = database
        self.cache = ObjectCache(
            limit: database.options.historicalCacheSize,
            byteLimit: database.options.historicalCacheSizeBytes
        )
        self.moment = moment
        self.closesDatabase = false
        self.inbox = nil
        database.historicalPool.didOpen()
        database.cacheReports.add(self.cache.report)
    }

    deinit {
        if !self.isClosed { self.leave() }
    }

    /// Whether the connection shows the past, so that it can change nothing.
    public var isHistorical: Bool { self.moment != nil }

    /// What the connection has loaded.
    public var cacheStatistics: CacheStatistics { self.cache.report.current }

    /// The root object of the database: what everything else is reached from.
    public func root() async throws -> PersistentMapping {
        guard let root = try await self.object(.root) as? PersistentMapping else {
            throw StorageError(.invalidArgument, "the root object is not a mapping", oid: .root)
        }
        return root
    }

    /// The object with an identifier, as it is in the snapshot.
    ///
    /// Throws `StorageError.noSuchObject` when there is none, `FormatError` when its record makes no sense.
    public func object(_ oid: ObjectID) async throws -> PersistentObject {
        try self.checkOpen()
        if self.current == nil { try await self.refresh() }
        while let snapshot = self.current?.snapshot {
            if let object = self.cache.object(oid) {
                self.cache.report.update { $0.hits += 1 }
                return object
            }
            if let entry = self.saved[oid] {
                let object = try self.insert(entry.data, oid, serial: entry.serial)
                object.uncommittedBlob = entry.blob
                return object
            }
            let generation = self.generation
            let revision = try await self.revision(oid, snapshot)
            // While the storage was asked, somebody else in this isolation may have loaded it or begun anew.
            guard generation == self.generation else { continue }
            if let object = self.cache.object(oid) { return object }
            self.cache.report.update { $0.misses += 1 }
            return try self.insert(revision.data, oid, serial: revision.tid)
        }
        throw StorageError(.invalidArgument, "the transaction ended while an object was loaded", oid: oid)
    }

    private func insert(_ record: ByteBuffer, _ oid: ObjectID, serial: TransactionID) throws -> PersistentObject {
        let object = try PersistentObject.read(record, oid, self.database.options.classes)
        object.oid = oid
        object.serial = serial
        object.recordSize = record.readableBytes
        object.connection = self
        self.cache.insert(object, oid)
        return object
    }

    /// The object that a reference names, as it is in the snapshot.
    ///
    /// Throws `StorageError.unsupported` for weak references and those into other databases, and what
    /// `object(_:)` throws.
    public func object(_ reference: PersistentReference) async throws -> PersistentObject {
        switch reference.target {
        case .object(let object): return object
        case .stored(let oid, _): return try await self.object(oid)
        case .foreign:
            throw StorageError(.unsupported, "weak references and references into other databases cannot be followed")
        }
    }

    /// Forgets every loaded object that the program does not hold, as Python's `cacheMinimize` does.
    public func minimizeCache() {
        self.cache.minimize()
    }

    /// Ends the transaction without storing its changes, and lets go of all objects. Nothing can be done afterwards.
    ///
    /// A connection that came from an `open` of a whole database (`ZKZEO.connection`) closes everything it opened.
    public func close() async {
        guard !self.isClosed else { return }
        self.leave()
        self.discard()
        if self.closesDatabase { await self.database.close() }
    }

    /// Lets go of everything, without telling the database that it is in use no more.
    func discard() {
        self.isClosed = true
        for object in self.changed { object.revert() }
        self.changed = []
        self.endSavepoints()
        self.current = nil
        self.generation += 1
        for object in self.cache.removeAll() { object.connection = nil }
        if let inbox { self.database.hub.close(inbox.number) }
    }

    private func leave() {
        (self.isHistorical ? self.database.historicalPool : self.database.pool).didClose()
        if let inbox { self.database.hub.close(inbox.number) }
    }

    /// Ends the transaction without storing its changes, keeping what is loaded; `false` when the connection is closed.
    func rest() async -> Bool {
        if !self.isClosed, self.hasChanges { await self.abort() }
        guard !self.isClosed else { return false }
        self.current = nil
        self.cache.shrink()
        return true
    }

    /// Remembers news that the next snapshot has to follow.
    func note(_ news: InvalidationInbox.News) {
        guard var unread else {
            self.unread = news
            return
        }
        unread.merge(news)
        self.unread = unread
    }

    func didChange(_ object: PersistentObject) {
        self.changed.append(object)
    }

    /// Whether there is anything to commit.
    var hasChanges: Bool { !self.changed.isEmpty || !self.saved.isEmpty }

    /// Throws for a connection whose changes cannot be committed, if there are any.
    func checkWritable() throws {
        guard self.isHistorical, self.hasChanges else { return }
        throw StorageError(.readOnly, "the connection shows the past, which nobody can change")
    }

    func checkOpen() throws {
        if self.isClosed { throw StorageError(.closed, "the connection has been closed") }
    }

    /// The revision of an object that a snapshot shows.
    func revision(_ oid: ObjectID, _ snapshot: TransactionID) async throws -> ObjectRevision {
        guard let revision = try await self.database.storage.load(oid, before: snapshot.successor) else {
            throw StorageError(.noSuchObject, "object \(oid) did not exist at \(snapshot)", oid: oid)
        }
        return revision
    }

    /// Moves to the newest snapshot: forgets or reloads what others have written. All or nothing.
    ///
    /// Objects that the program has changed stay as they are; should others have written them, too, the commit conflicts.
    func refresh() async throws {
        guard !self.isRefreshing else {
            throw StorageError(.invalidArgument, "the connection is used by two tasks at once")
        }
        self.isRefreshing = true
        defer { self.isRefreshing = false }
        guard let inbox else {
            self.generation += 1
            self.current = Transaction(snapshot: self.moment ?? .zero)
            return
        }
        try await self.database.storage.synchronize()
        var news = inbox.inbox.take()
        if var earlier = self.unread {
            earlier.merge(news)
            news = earlier
        }
        self.unread = news
        // A load that is under way is of the old snapshot, and these news would not reach it.
        self.generation += 1
        let adoptions = try await self.adoptions(
            at: news.last,
            of: self.cache.outdated(by: news.isLost ? nil : news.written)
        )
        try self.checkOpen()
        self.unread = nil
        for adoption in adoptions {
            let (oid, object) = (adoption.oid, adoption.object)
            guard !object.isChanged, object.serial == adoption.serial else {
                // Changed by the program, perhaps just now. Should it return to what it was, it must be loaded again.
                var unread = self.unread ?? InvalidationInbox.News(last: news.last)
                unread.written[oid] = news.written[oid] ?? news.last
                self.unread = unread
                continue
            }
            adoption.adopt()
            if let tid = adoption.tid {
                object.serial = tid
                self.cache.resize(object, to: adoption.size)
            } else {
                // Packed away: for whoever still holds it, it is a new object from now on.
                self.cache.remove(oid)
                object.oid = nil
                object.serial = .zero
                object.connection = nil
            }
        }
        self.generation += 1
        self.current = Transaction(snapshot: news.last)
    }

    /// How an object that others have written is brought up to date.
    private struct Adoption {
        let oid: ObjectID
        let object: PersistentObject
        /// The revision that the object showed when the new one was asked for.
        let serial: TransactionID
        /// The revision to come; `nil` where there is none any more.
        var tid: TransactionID?
        var size = 0
        var adopt: () -> Void = {}
    }

    /// Loads what objects are in a snapshot, and changes nothing yet.
    private func adoptions(
        at snapshot: TransactionID,
        of outdated: [(oid: ObjectID, object: PersistentObject)]
    ) async throws -> [Adoption] {
        var adoptions: [Adoption] = []
        for (oid, object) in outdated {
            var adoption = Adoption(oid: oid, object: object, serial: object.serial)
            do {
                let revision = try await self.revision(oid, snapshot)
                guard revision.tid != adoption.serial else { continue }
                adoption.tid = revision.tid
                adoption.size = revision.data.readableBytes
                adoption.adopt = try object.adoption(of: revision.data, oid)
            } catch let error as StorageError where error.code == .noSuchObject {}
            adoptions.append(adoption)
        }
        return adoptions
    }
}
