//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

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
    /// Rises with every snapshot, so that a load that was overtaken notices it.
    var generation = 0

    private let inbox: InvalidationInbox
    private let inboxNumber: UInt64
    private let closesDatabase: Bool
    private(set) var isClosed = false
    private var isRefreshing = false

    init(_ database: Database, cacheSize: Int, closesDatabase: Bool) {
        self.database = database
        self.cache = ObjectCache(limit: cacheSize)
        self.closesDatabase = closesDatabase
        (self.inbox, self.inboxNumber) = database.hub.open()
    }

    deinit {
        self.database.hub.close(self.inboxNumber)
    }

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
            if let object = self.cache.object(oid) { return object }
            let generation = self.generation
            let revision = try await self.revision(oid, snapshot)
            // While the storage was asked, somebody else in this isolation may have loaded it or begun anew.
            guard generation == self.generation else { continue }
            if let object = self.cache.object(oid) { return object }
            let object = try PersistentObject.read(revision.data, oid)
            object.oid = oid
            object.serial = revision.tid
            object.connection = self
            self.cache.insert(object, oid)
            return object
        }
        throw StorageError(.invalidArgument, "the transaction ended while an object was loaded", oid: oid)
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

    /// Ends the transaction without storing its changes, and lets go of all objects. Nothing can be done afterwards.
    ///
    /// A connection that came from an `open` of a whole database (`ZKZEO.connection`) closes everything it opened.
    public func close() async {
        guard !self.isClosed else { return }
        self.isClosed = true
        for object in self.changed { object.revert() }
        self.changed = []
        self.current = nil
        self.generation += 1
        for object in self.cache.removeAll() { object.connection = nil }
        self.database.hub.close(self.inboxNumber)
        if self.closesDatabase { await self.database.close() }
    }

    func didChange(_ object: PersistentObject) {
        self.changed.append(object)
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
        try await self.database.storage.synchronize()
        var news = self.inbox.take()
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
                adoption.adopt = try object.adoption(of: revision.data, oid)
            } catch let error as StorageError where error.code == .noSuchObject {}
            adoptions.append(adoption)
        }
        return adoptions
    }
}
