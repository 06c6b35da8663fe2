//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import ZODBFormat
import ZODBStorage

/// The cache of a client, which writes down what it learns where it has a journal.
///
/// What keeps the disk right, whatever happens to the process or the machine:
///
/// - **The journal is a history.** It holds what the server said in the order in which it was said: revisions, and the
///   transactions that ended them. Read up to any record it gives the cache as it was at that moment, together with the
///   last transaction that the client had been told of. So it does not matter where a crash cuts it off; what has happened
///   since that transaction the server is asked for.
/// - **A damaged record is the end.** What stands behind it, in its file and in later ones, is not believed: a transaction
///   that is missing in the middle would leave a revision the current one for ever.
/// - **The oldest file can go at any time.** It ends no revision of a later file, and what it says about earlier ones is of
///   no use any more. A record that is to stay is written again behind everything else, with the end that it has by then.
/// - **Data is checked when it is read.** A place in a file is no promise: a record that was never written, or is torn, has
///   another checksum, and counts as unknown.
/// - **Nothing that was loaded before an invalidation is stored as current after it.** See `ClientView.loaded`.
///
/// Never touches a file: `takeOperations()` says what is to be done, in order.
struct JournaledCache {
    private(set) var table: ClientCache
    private var journal: CacheJournal?
    /// Up to where everything has been told that is in the table; `.zero` when nothing has.
    private(set) var last: TransactionID

    /// An empty cache in memory alone.
    init(memory: Int) {
        self.table = ClientCache(limit: memory)
        self.last = .zero
    }

    /// A cache with a journal that gave this table.
    init(_ table: ClientCache, _ journal: CacheJournal, last: TransactionID) {
        self.table = table
        self.journal = journal
        self.last = last
    }

    // MARK: What the cache learns

    /// A revision was loaded, or is our own. With `onlyInMemory` it is not written down, because the disk is slow.
    mutating func store(_ revision: ObjectRevision, of oid: ObjectID, onlyInMemory: Bool = false) {
        switch self.table.store(revision, of: oid) {
        case .known, .tooLarge: break
        case .ended:
            guard let next = revision.next else { return }
            self.note(.ended(oid, revision.tid, next: next))
        case .added:
            if !onlyInMemory { self.write(revision, of: oid) }
        }
    }

    /// A transaction has changed these objects.
    mutating func told(_ tid: TransactionID, _ oids: [ObjectID]) {
        for oid in oids { self.table.invalidate(oid, at: tid) }
        // First: a new file must not begin with a transaction that it has yet to tell.
        self.note(.told(tid, oids))
        self.last = max(self.last, tid)
    }

    /// Transactions up to `tid` have changed these objects.
    mutating func changed(_ tid: TransactionID, _ oids: [ObjectID]) {
        for oid in oids { self.table.invalidate(oid, at: nil) }
        // First: a new file must not begin with a transaction that it has yet to tell.
        self.note(.changed(tid, oids))
        self.last = max(self.last, tid)
    }

    /// The current revisions of these objects have proved not to be the current ones.
    mutating func forget(_ oids: [ObjectID]) {
        var isNews = false
        for oid in oids where self.table.invalidate(oid, at: nil) { isNews = true }
        if isNews { self.note(.forgotten(oids)) }
    }

    /// Everything up to `tid` has been told, and nothing that was known before can be believed.
    mutating func clear(_ tid: TransactionID) {
        self.table.removeAll()
        self.journal?.removeAll()
        self.last = tid
        self.note(.told(tid, []))
    }

    // MARK: Reading

    mutating func find(_ oid: ObjectID, before tid: TransactionID) -> ClientCache.Finding? {
        self.table.find(oid, before: tid)
    }

    mutating func find(_ oid: ObjectID, at serial: TransactionID) -> ClientCache.Finding? {
        self.table.find(oid, at: serial)
    }

    /// A record was read from the disk; `nil` when it is not what was written.
    mutating func read(_ oid: ObjectID, _ tid: TransactionID, _ place: CachePlace, _ data: ByteBuffer?) {
        if let data {
            self.table.promote(oid, tid, place, data)
        } else {
            self.table.remove(oid, tid, place)
        }
    }

    // MARK: The journal

    /// What is to be done to files.
    mutating func takeOperations() -> [CacheJournal.Operation] { self.journal?.takeOperations() ?? [] }

    /// Writes nothing down any more.
    mutating func dropJournal() { self.journal = nil }

    private mutating func note(_ record: CacheRecord) {
        guard self.journal != nil else { return }
        self.makeRoom()
        self.journal?.append(record)
    }

    private mutating func write(_ revision: ObjectRevision, of oid: ObjectID) {
        guard let journal = self.journal, Self.size(revision) <= journal.limit / 2 else { return }
        self.makeRoom()
        self.append(revision, of: oid)
    }

    private mutating func append(_ revision: ObjectRevision, of oid: ObjectID) {
        let record = CacheRecord.revision(
            oid,
            revision.tid,
            next: revision.next,
            dataLength: revision.data.readableBytes,
            dataChecksum: Checksum.crc32(revision.data)
        )
        if let place = self.journal?.append(record, revision.data) { self.table.place(oid, revision.tid, place) }
    }

    /// Begins a new file where it is time, and lets the oldest ones go. What is in use is written again, as far as it
    /// fills half a file.
    private mutating func makeRoom() {
        if self.journal?.isFull == true { self.journal?.begin(last: self.last, salt: .random(in: .min ... .max)) }
        while let surplus = self.journal?.surplus {
            self.journal?.removeOldest()
            let budget = (self.journal?.segmentSize ?? 0) / 2
            for spared in self.table.lost(segment: surplus, budget: budget) {
                self.append(spared.revision, of: spared.oid)
            }
        }
    }

    private static func size(_ revision: ObjectRevision) -> Int { revision.data.readableBytes + ClientCache.overhead }
}
