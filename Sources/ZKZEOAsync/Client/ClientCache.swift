//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import ZODBFormat
import ZODBStorage

/// The records of recently used objects, each with the time for which it was the current one. Bounded in bytes.
///
/// A revision without an end is the current one as far as the client has been told; the client must pass on every
/// invalidation in order. What was not used for longest leaves first.
struct ClientCache {
    /// What an entry takes beside its record, roughly.
    static let overhead = 128

    private struct Entry {
        var oid: ObjectID
        var revision: ObjectRevision
        /// The neighbours in the order of use; -1 at the ends.
        var newer = -1
        var older = -1
    }

    /// How many bytes the entries may take.
    let limit: Int
    /// How many bytes the entries take.
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

    /// The newest revision of an object that is older than `tid`, where it is known which one that is.
    mutating func revision(of oid: ObjectID, before tid: TransactionID) -> ObjectRevision? {
        guard
            let index = self.revisions[oid]?.last(where: { self[$0].revision.tid < tid }),
            // A revision that ended earlier was followed by one that is not here.
            self[index].revision.next.map({ tid <= $0 }) ?? true
        else { return nil }
        self.unlink(index)
        self.link(index)
        return self[index].revision
    }

    /// The record that `serial` wrote for an object.
    func record(of oid: ObjectID, at serial: TransactionID) -> ByteBuffer? {
        self.revisions[oid]?.first { self[$0].revision.tid == serial }.map { self[$0].revision.data }
    }

    /// Keeps a revision that the server has told.
    mutating func store(_ revision: ObjectRevision, of oid: ObjectID) {
        let size = revision.data.readableBytes + Self.overhead
        guard size <= self.limit else { return }
        if let known = self.revisions[oid]?.first(where: { self[$0].revision.tid == revision.tid }) {
            // The same revision again; it may have got an end.
            if self[known].revision.next == nil { self[known].revision.next = revision.next }
            return
        }
        let index = self.free.popLast() ?? self.entries.count
        let entry = Entry(oid: oid, revision: revision)
        if index == self.entries.count { self.entries.append(entry) } else { self.entries[index] = entry }
        let place = self.revisions[oid]?.firstIndex { self[$0].revision.tid > revision.tid }
        self.revisions[oid, default: []].insert(index, at: place ?? self.revisions[oid]?.count ?? 0)
        self.link(index)
        self.byteCount += size
        while self.byteCount > self.limit { self.remove(self.oldest) }
    }

    /// An object has got a new revision at `tid`; `nil` when only is known that it has got one since.
    mutating func invalidate(_ oid: ObjectID, at tid: TransactionID?) {
        guard let index = self.revisions[oid]?.last, self[index].revision.next == nil else { return }
        if let tid, tid > self[index].revision.tid {
            self[index].revision.next = tid
        } else if tid == nil {
            self.remove(index)
        }
    }

    /// Forgets everything.
    mutating func removeAll() {
        self = ClientCache(limit: self.limit)
    }

    private subscript(index: Int) -> Entry {
        get {
            guard let entry = self.entries[index] else { preconditionFailure("an index leads to an entry") }
            return entry
        }
        set { self.entries[index] = newValue }
    }

    private mutating func remove(_ index: Int) {
        self.unlink(index)
        let entry = self[index]
        self.byteCount -= entry.revision.data.readableBytes + Self.overhead
        self.revisions[entry.oid]?.removeAll { $0 == index }
        if self.revisions[entry.oid]?.isEmpty == true { self.revisions[entry.oid] = nil }
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
