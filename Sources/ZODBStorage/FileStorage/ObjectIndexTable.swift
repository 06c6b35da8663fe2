//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ZODBFormat

/// Where the newest record of each object is, in 8 bytes an object (up to 16 with the room that arrays keep).
///
/// Identifiers that differ in their last two bytes only share a bucket, as in Python's index, so that a bucket is read
/// and written as it stands in an index file. Positions have 48 bits: a data file ends before 256 TiB.
struct ObjectIndexTable: Sendable {
    /// The positions of up to 65,536 objects, sorted by the last two bytes of their identifiers.
    struct Bucket: Hashable, Sendable {
        private(set) var suffixes: [UInt16] = []
        private var low: [UInt32] = []
        private var high: [UInt16] = []

        var count: Int { self.suffixes.count }

        /// The position at an index in the order of suffixes.
        func position(at index: Int) -> Int {
            Int(self.high[index]) << 32 | Int(self.low[index])
        }

        /// Whether there is a position other than zero.
        var hasPositions: Bool { self.low.contains { $0 != 0 } || self.high.contains { $0 != 0 } }

        func position(of suffix: UInt16) -> Int? {
            self.find(suffix)?.position
        }

        /// The index, in the order of suffixes, and the position of a suffix.
        func find(_ suffix: UInt16) -> (index: Int, position: Int)? {
            let index = self.index(of: suffix)
            guard index < self.count, self.suffixes[index] == suffix else { return nil }
            return (index, self.position(at: index))
        }

        /// Sets a position and says whether the suffix is new.
        mutating func set(_ suffix: UInt16, _ position: Int) -> Bool {
            let index = self.index(of: suffix)
            let (low, high) = (UInt32(truncatingIfNeeded: position), UInt16(truncatingIfNeeded: position >> 32))
            if index < self.count, self.suffixes[index] == suffix {
                self.low[index] = low
                self.high[index] = high
                return false
            }
            self.suffixes.insert(suffix, at: index)
            self.low.insert(low, at: index)
            self.high.insert(high, at: index)
            return true
        }

        /// The bucket without those objects, by their indexes in the order of suffixes, that `keeps` does not want.
        func filtered(_ keeps: (Int) -> Bool) -> Bucket {
            var bucket = Bucket()
            for index in 0..<self.count where keeps(index) {
                bucket.suffixes.append(self.suffixes[index])
                bucket.low.append(self.low[index])
                bucket.high.append(self.high[index])
            }
            return bucket
        }

        mutating func reserveCapacity(_ count: Int) {
            self.suffixes.reserveCapacity(count)
            self.low.reserveCapacity(count)
            self.high.reserveCapacity(count)
        }

        /// The first index whose suffix is not below `suffix`; the count when there is none.
        func index(of suffix: UInt16) -> Int {
            // Identifiers are handed out one by one: mostly a bucket has no gaps, and new ones come at its end.
            let direct = Int(suffix) - Int(self.suffixes.first ?? 0)
            if direct >= 0, direct < self.count, self.suffixes[direct] == suffix { return direct }
            guard let last = self.suffixes.last, suffix <= last else { return self.count }
            var range = 0..<self.count
            while !range.isEmpty {
                let middle = range.lowerBound + range.count / 2
                if self.suffixes[middle] < suffix {
                    range = middle + 1..<range.upperBound
                } else {
                    range = range.lowerBound..<middle
                }
            }
            return range.lowerBound
        }
    }

    /// The number of objects.
    private(set) var count = 0
    private var buckets: [UInt64: Bucket] = [:]
    /// The keys of the buckets, sorted, but for those of `newPrefixes`.
    private var sortedPrefixes: [UInt64] = []
    /// The keys of buckets that have come since somebody asked for the order.
    private var newPrefixes: [UInt64] = []

    /// The first six bytes of the identifiers of each bucket, sorted.
    var prefixes: [UInt64] { self.newPrefixes.isEmpty ? self.sortedPrefixes : self.buckets.keys.sorted() }

    /// The largest identifier; `nil` when there are no objects.
    var maximum: ObjectID? {
        guard let prefix = self.buckets.keys.max(), let suffix = self.buckets[prefix]?.suffixes.last else { return nil }
        return ObjectID(rawValue: prefix << 16 | UInt64(suffix))
    }

    /// Where the newest record of an object is.
    subscript(oid: ObjectID) -> Int? {
        self.buckets[oid.rawValue >> 16]?.position(of: UInt16(truncatingIfNeeded: oid.rawValue))
    }

    /// The place of an object in its bucket, and where its newest record is.
    func find(_ oid: ObjectID) -> (index: Int, position: Int)? {
        self.buckets[oid.rawValue >> 16]?.find(UInt16(truncatingIfNeeded: oid.rawValue))
    }

    /// Records where the newest record of an object is.
    mutating func set(_ oid: ObjectID, _ position: Int) {
        let suffix = UInt16(truncatingIfNeeded: oid.rawValue)
        let prefix = oid.rawValue >> 16
        guard self.buckets[prefix, default: Bucket()].set(suffix, position) else { return }
        self.count += 1
        if self.buckets.count > self.sortedPrefixes.count + self.newPrefixes.count { self.newPrefixes.append(prefix) }
    }

    /// The first object from `oid` on; `nil` when there is none.
    ///
    /// Takes logarithmic time, but for the first time after objects have come whose identifiers are far from all others:
    /// then the prefixes are put in order again.
    mutating func first(atOrAfter oid: ObjectID) -> ObjectID? {
        if !self.newPrefixes.isEmpty {
            self.sortedPrefixes = self.prefixes
            self.newPrefixes = []
        }
        let prefix = oid.rawValue >> 16
        if let bucket = self.buckets[prefix] {
            let index = bucket.index(of: UInt16(truncatingIfNeeded: oid.rawValue))
            if index < bucket.count { return ObjectID(rawValue: prefix << 16 | UInt64(bucket.suffixes[index])) }
        }
        var range = 0..<self.sortedPrefixes.count
        while !range.isEmpty {
            let middle = range.lowerBound + range.count / 2
            if self.sortedPrefixes[middle] <= prefix {
                range = middle + 1..<range.upperBound
            } else {
                range = range.lowerBound..<middle
            }
        }
        guard range.lowerBound < self.sortedPrefixes.count else { return nil }
        let next = self.sortedPrefixes[range.lowerBound]
        return self.buckets[next]?.suffixes.first.map { ObjectID(rawValue: next << 16 | UInt64($0)) }
    }

    /// The bucket of the identifiers that begin with six bytes.
    func bucket(_ prefix: UInt64) -> Bucket? { self.buckets[prefix] }

    /// Puts a whole bucket in the place of the one of its identifiers.
    mutating func replace(_ prefix: UInt64, _ bucket: Bucket) {
        let replaced = self.buckets.updateValue(bucket, forKey: prefix)
        self.count += bucket.count - (replaced?.count ?? 0)
        if replaced == nil { self.newPrefixes.append(prefix) }
    }

    /// An object that is elsewhere in the other table, or in one of the two only; `nil` when they are equal.
    func difference(from other: ObjectIndexTable) -> ObjectID? {
        for prefix in Set(self.buckets.keys).union(other.buckets.keys).sorted() {
            let (mine, theirs) = (self.buckets[prefix] ?? Bucket(), other.buckets[prefix] ?? Bucket())
            guard mine != theirs else { continue }
            let suffix = Set(mine.suffixes).union(theirs.suffixes).sorted().first {
                mine.position(of: $0) != theirs.position(of: $0)
            }
            return suffix.map { ObjectID(rawValue: prefix << 16 | UInt64($0)) }
        }
        return nil
    }
}
