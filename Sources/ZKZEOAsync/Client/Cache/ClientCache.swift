//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import ZODBFormat
import ZODBStorage

/// The revisions of recently used objects, each with the time for which it was the current one. Bounded in bytes.
///
/// A revision without an end is the current one as far as the client has been told; the client must pass on every
/// invalidation in order. A record is in memory, on disk, or both; one that is in neither is forgotten. What was not used
/// for longest leaves memory first. When a record leaves the disk is the business of `JournaledCache`.
struct ClientCache {
    /// What an entry takes beside its record, roughly.
    static let overhead = 128

    /// What is known of a revision.
    enum Finding: Hashable {
        case inMemory(ObjectRevision)
        /// The record has to be read.
        case onDisk(TransactionID, next: TransactionID?, CachePlace)
    }

    /// What storing a revision came to.
    enum Storing {
        case added
        /// It was known, and has got an end.
        case ended
        case known
        case tooLarge
    }

    private struct Entry {
        var oid: ObjectID
        var tid: TransactionID
        var next: TransactionID?
        /// `nil` when the record is on disk only.
        var data: ByteBuffer?
        var place: CachePlace?
        /// Whether it was used since it came, or since it was last spared.
        var wasUsed = false
        /// The neighbours in the order of use, of those in memory; -1 at the ends.
        var newer = -1
        var older = -1
    }

    /// How many bytes the records in memory may take.
    let limit: Int
    /// How many bytes the records in memory take.
    private(set) var byteCount = 0

    private var entries: [Entry?] = []
    private var free: [Int] = []
    /// For each object its entries, oldest revision first.
    private var revisions: [ObjectID: [Int]] = [:]
    private var newest = -1
    private var oldest = -1

    init(limit: Int) {
        self.limit = limit
    }

    /// How many revisions there are.
    var count: Int { self.entries.count - self.free.count }

    // MARK: Finding

    /// The newest revision of an object that is older than `tid`, where it is known which one that is.
    mutating func find(_ oid: ObjectID, before tid: TransactionID) -> Finding? {
        guard
            let index = self.revisions[oid]?.last(where: { self[$0].tid < tid }),
            // A revision that ended earlier was followed by one that is not here.
            self[index].next.map({ tid <= $0 }) ?? true
        else { return nil }
        return self.use(index)
    }

    /// The revision that `serial` wrote of an object.
    mutating func find(_ oid: ObjectID, at serial: TransactionID) -> Finding? {
        self.index(oid, serial).flatMap { self.use($0) }
    }

    private mutating func use(_ index: Int) -> Finding? {
        self[index].wasUsed = true
        let entry = self[index]
        if let data = entry.data {
            self.unlink(index)
            self.link(index)
            return .inMemory(ObjectRevision(data: data, tid: entry.tid, next: entry.next))
        }
        return entry.place.map { .onDisk(entry.tid, next: entry.next, $0) }
    }

    private func index(_ oid: ObjectID, _ tid: TransactionID) -> Int? {
        self.revisions[oid]?.first { self[$0].tid == tid }
    }

    // MARK: Storing

    /// Keeps a revision that the server has told.
    mutating func store(_ revision: ObjectRevision, of oid: ObjectID) -> Storing {
        if let known = self.index(oid, revision.tid) {
            guard self[known].next == nil, let next = revision.next else { return .known }
            self[known].next = next
            return .ended
        }
        guard revision.data.readableBytes + Self.overhead <= self.limit else { return .tooLarge }
        self.insert(Entry(oid: oid, tid: revision.tid, next: revision.next, data: revision.data))
        return .added
    }

    /// The record of a revision is on disk, where a journal says so; the revision may be known.
    mutating func restore(_ oid: ObjectID, _ tid: TransactionID, next: TransactionID?, _ place: CachePlace) {
        guard let known = self.index(oid, tid) else {
            return self.insert(Entry(oid: oid, tid: tid, next: next, data: nil, place: place))
        }
        self[known].place = place
        self[known].next = self[known].next ?? next
    }

    /// A revision was replaced at `next`, where that was not known.
    mutating func end(_ oid: ObjectID, _ tid: TransactionID, _ next: TransactionID) {
        if let index = self.index(oid, tid), self[index].next == nil { self[index].next = next }
    }

    /// The record of a revision is on disk now.
    mutating func place(_ oid: ObjectID, _ tid: TransactionID, _ place: CachePlace) {
        if let index = self.index(oid, tid) { self[index].place = place }
    }

    /// A record has been read from the disk. What is not known any more, or lies elsewhere by now, is passed over.
    mutating func promote(_ oid: ObjectID, _ tid: TransactionID, _ place: CachePlace, _ data: ByteBuffer) {
        guard let index = self.index(oid, tid), self[index].place == place, self[index].data == nil,
            data.readableBytes + Self.overhead <= self.limit
        else { return }
        self[index].data = data
        self.entered(index)
    }

    private mutating func insert(_ entry: Entry) {
        let index = self.free.popLast() ?? self.entries.count
        if index == self.entries.count { self.entries.append(entry) } else { self.entries[index] = entry }
        let place = self.revisions[entry.oid]?.firstIndex { self[$0].tid > entry.tid }
        self.revisions[entry.oid, default: []].insert(index, at: place ?? self.revisions[entry.oid]?.count ?? 0)
        if entry.data != nil { self.entered(index) }
    }

    /// A record is in memory now: others may have to leave.
    private mutating func entered(_ index: Int) {
        self.link(index)
        self.byteCount += self.size(index)
        while self.byteCount > self.limit { self.leaveMemory(self.oldest) }
    }

    // MARK: Forgetting

    /// An object has got a new revision at `tid`; `nil` when only is known that it has got one since. Returns whether that
    /// says anything about what is here.
    @discardableResult
    mutating func invalidate(_ oid: ObjectID, at tid: TransactionID?) -> Bool {
        guard let index = self.revisions[oid]?.last, self[index].next == nil else { return false }
        if let tid, tid > self[index].tid {
            self[index].next = tid
        } else if tid == nil {
            self.remove(index)
        } else {
            return false
        }
        return true
    }

    /// A revision proved to be damaged.
    mutating func remove(_ oid: ObjectID, _ tid: TransactionID, _ place: CachePlace) {
        if let index = self.index(oid, tid), self[index].place == place { self.remove(index) }
    }

    /// A revision that is to stay on disk, by being written again.
    struct Spared {
        var oid: ObjectID
        var revision: ObjectRevision
    }

    /// A file of the disk goes, and its records with it. Returns those that were used since they came, as far as they are
    /// in memory and take no more than `budget` bytes: whoever is told writes them again.
    mutating func lost(segment: Int, budget: Int) -> [Spared] {
        var spared: [Spared] = []
        var left = budget
        for index in self.entries.indices {
            guard let entry = self.entries[index], entry.place?.segment == segment else { continue }
            self[index].place = nil
            guard let data = entry.data else {
                self.remove(index)
                continue
            }
            guard entry.wasUsed, data.readableBytes + Self.overhead <= left else { continue }
            left -= data.readableBytes + Self.overhead
            self[index].wasUsed = false
            spared.append(
                Spared(oid: entry.oid, revision: ObjectRevision(data: data, tid: entry.tid, next: entry.next))
            )
        }
        return spared
    }

    /// Forgets everything.
    mutating func removeAll() {
        self = ClientCache(limit: self.limit)
    }

    // MARK: Entries

    private subscript(index: Int) -> Entry {
        get {
            guard let entry = self.entries[index] else { preconditionFailure("an index leads to an entry") }
            return entry
        }
        set { self.entries[index] = newValue }
    }

    private func size(_ index: Int) -> Int { (self[index].data?.readableBytes ?? 0) + Self.overhead }

    private mutating func leaveMemory(_ index: Int) {
        if self[index].place == nil { return self.remove(index) }
        self.byteCount -= self.size(index)
        self.unlink(index)
        self[index].data = nil
    }

    private mutating func remove(_ index: Int) {
        if self[index].data != nil {
            self.byteCount -= self.size(index)
            self.unlink(index)
        }
        let oid = self[index].oid
        self.revisions[oid]?.removeAll { $0 == index }
        if self.revisions[oid]?.isEmpty == true { self.revisions[oid] = nil }
        self.entries[index] = nil
        self.free.append(index)
    }

    /// Makes an entry the most recently used one.
    private mutating func link(_ index: Int) {
        self[index].newer = -1
        self[index].older = self.newest
        if self.newest >= 0 { self[self.newest].newer = index } else { self.oldest = index }
        self.newest = index
    }

    private mutating func unlink(_ index: Int) {
        let (newer, older) = (self[index].newer, self[index].older)
        if newer >= 0 { self[newer].older = older } else { self.newest = older }
        if older >= 0 { self[older].newer = newer } else { self.oldest = newer }
    }
}
