//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import DequeModule
import NIOCore
import OrderedCollections
import ZEOProtocol
import ZODBFormat
import ZODBStorage

/// The recent transactions of a storage in their order, without a gap.
struct InvalidationQueue {
    /// A transaction, with the message about it in each format once somebody wanted it.
    struct Entry {
        let transaction: CommittedTransaction
        fileprivate var frames: [WireFormat: ByteBuffer] = [:]
    }

    /// How many transactions are kept when nobody needs more.
    let size: Int
    /// How many are kept at most, however far behind somebody is.
    let bound: Int

    private var entries: Deque<Entry> = []

    /// Every transaction after this one is in the queue.
    private(set) var floor: TransactionID

    /// The newest transaction.
    private(set) var last: TransactionID

    /// An empty queue of everything after `floor`.
    init(size: Int, bound: Int, floor: TransactionID) {
        self.size = max(size, 0)
        self.bound = max(bound, size, 1)
        self.floor = floor
        self.last = floor
    }

    var count: Int { self.entries.count }

    /// Adds a newer transaction, and drops old ones that nobody needs: `slowest` is how far the slowest reader has
    /// come, `nil` when there are no readers.
    mutating func append(_ transaction: CommittedTransaction, slowest: TransactionID?) {
        guard transaction.tid > self.last else { return }
        self.entries.append(Entry(transaction: transaction))
        self.last = transaction.tid
        while self.entries.count > self.size, let first = self.entries.first {
            guard self.entries.count > self.bound || first.transaction.tid <= slowest ?? .max else { break }
            self.floor = first.transaction.tid
            self.entries.removeFirst()
        }
    }

    /// Puts in front what was committed up to `start`, before the queue was told of anything: the newest transactions
    /// of that time, or all of them where `isWhole` says so.
    mutating func start(after start: TransactionID, recent: [CommittedTransaction], isWhole: Bool) {
        self.last = max(self.last, start)
        // Some of what came since is forgotten again: what came before is of no use.
        guard self.floor == .zero else { return }
        var older = recent.filter { $0.tid <= start }[...]
        // The oldest one bounds what is known: whoever has seen it can be told everything after it.
        if !isWhole { self.floor = older.popFirst()?.tid ?? start }
        self.entries.insert(contentsOf: older.map { Entry(transaction: $0) }, at: self.entries.startIndex)
    }

    /// The transactions after `tid`, each with the message about it; `nil` when some of them are forgotten, or changed more
    /// than a message can say.
    mutating func messages(
        after tid: TransactionID,
        format: WireFormat
    ) -> [(transaction: CommittedTransaction, frame: ByteBuffer)]? {
        guard tid >= self.floor else { return nil }
        var result: [(transaction: CommittedTransaction, frame: ByteBuffer)] = []
        for index in self.index(after: tid)..<self.entries.count {
            let transaction = self.entries[index].transaction
            if let frame = self.entries[index].frames[format] {
                result.append((transaction, frame))
            } else {
                var frame = ByteBuffer()
                let call = ClientCall.invalidateTransaction(transaction.tid, transaction.oids)
                guard (try? format.encode(.call(call), into: &frame)) != nil else { return nil }
                self.entries[index].frames[format] = frame
                result.append((transaction, frame))
            }
        }
        return result
    }

    /// The objects that changed after `tid`, up to and including `end`, each once; `nil` when some are forgotten.
    func changes(after tid: TransactionID, through end: TransactionID) -> [ObjectID]? {
        guard tid >= self.floor else { return nil }
        var oids: OrderedSet<ObjectID> = []
        for index in self.index(after: tid)..<self.entries.count {
            guard self.entries[index].transaction.tid <= end else { break }
            oids.append(contentsOf: self.entries[index].transaction.oids)
        }
        return Array(oids)
    }

    /// The first transaction after `tid`, up to and including `end`, that changed an object.
    func firstChange(of oid: ObjectID, after tid: TransactionID, through end: TransactionID) -> TransactionID? {
        self.entries[self.index(after: tid)...]
            .first { $0.transaction.tid <= end && $0.transaction.oids.contains(oid) }?.transaction.tid
    }

    /// The index of the first transaction after `tid`.
    private func index(after tid: TransactionID) -> Int {
        var low = 0
        var high = self.entries.count
        // Most readers are one transaction behind: look at the end first.
        if let last = self.entries.last, last.transaction.tid <= tid { return high }
        while low < high {
            let middle = (low + high) / 2
            if self.entries[middle].transaction.tid <= tid { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
