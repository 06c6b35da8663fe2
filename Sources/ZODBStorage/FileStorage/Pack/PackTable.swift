//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ZODBFormat

/// What a pack knows of each object: where its current record at the time of the pack is, and whether that stays.
///
/// 8 bytes and a bit for an object (up to 16 with the room that arrays keep), as long as few objects have more than one
/// record that stays.
struct PackTable {
    /// What became of an object that was to be marked.
    enum Mark: Hashable {
        /// It is marked now; its current record is at this position.
        case new(Int)
        /// It was marked already.
        case known
        /// There is no such object.
        case missing
    }

    private var positions = ObjectIndexTable()
    /// For each bucket of `positions` a bit for each of its objects.
    private var marks: [UInt64: [UInt64]] = [:]
    /// Records that say, or lead to one that says, that their object's creation was undone.
    private var empty: Set<Int> = []
    /// Records that stay since later records point to them, and where they are in the new file, once that is known.
    private var pinned: [Int: Int] = [:]

    /// Whether no object exists.
    var isEmpty: Bool { !self.positions.prefixes.contains { self.positions.bucket($0)?.hasPositions == true } }

    /// The current record of an object is at `position`; zero says that the object does not exist any more.
    mutating func set(_ oid: ObjectID, _ position: Int) {
        self.positions.set(oid, position)
    }

    /// A record without data has been met: one that says that its object's creation was undone (`target` is zero), or that
    /// points to another one at `target`.
    mutating func met(_ position: Int, pointingTo target: Int) {
        if target == 0 || self.empty.contains(target) { self.empty.insert(position) }
    }

    /// Whether an object has a current record with data, or one that leads to data. Where an undone creation was undone and
    /// that undo, too, an object has a record, as in Python, and still no data.
    func hasData(_ oid: ObjectID) -> Bool {
        guard let position = self[oid] else { return false }
        return !self.empty.contains(position)
    }

    /// Where the current record of an object is; `nil` when there is no such object.
    subscript(oid: ObjectID) -> Int? {
        guard let position = self.positions[oid], position != 0 else { return nil }
        return position
    }

    /// Marks an object, whose current record then stays. No object may be added later.
    mutating func mark(_ oid: ObjectID) -> Mark {
        guard let (prefix, index, position) = self.find(oid), position != 0 else { return .missing }
        let (word, bit) = (index >> 6, UInt64(1) << UInt64(index & 63))
        if self.marks[prefix] == nil { self.marks[prefix] = self.noMarks(prefix) }
        guard self.marks[prefix]![word] & bit == 0 else { return .known }
        self.marks[prefix]![word] |= bit
        return .new(position)
    }

    /// Marks all objects.
    mutating func markAll() {
        for prefix in self.positions.prefixes {
            self.marks[prefix] = self.noMarks(prefix).map { ~$0 }
        }
    }

    /// Whether there was an object, with data, whose current record does not stay.
    func isDropped(_ oid: ObjectID) -> Bool {
        guard let (prefix, index, position) = self.find(oid), position != 0, !self.empty.contains(position) else {
            return false
        }
        return !self.isMarked(prefix, index)
    }

    /// The objects that are marked, with their positions in the old file: so that each finds its place taken when its
    /// new position is set, in whatever order that happens.
    var marked: ObjectIndexTable {
        var index = ObjectIndexTable()
        for prefix in self.positions.prefixes {
            guard let words = self.marks[prefix], let bucket = self.positions.bucket(prefix) else { continue }
            let kept = bucket.filtered { index in
                words[index >> 6] & (1 << UInt64(index & 63)) != 0 && bucket.position(at: index) != 0
            }
            if kept.count > 0 { index.replace(prefix, kept) }
        }
        return index
    }

    /// A later record points to the record at `position`, which has to stay. Returns whether that is new.
    mutating func pin(_ position: Int) -> Bool {
        guard self.pinned[position] == nil else { return false }
        self.pinned[position] = 0
        return true
    }

    /// A record that stays has been copied to a position of the new file.
    mutating func moved(from position: Int, to newPosition: Int) {
        if !self.pinned.isEmpty, self.pinned[position] != nil { self.pinned[position] = newPosition }
    }

    /// Where a record that later ones point to is in the new file; `nil` when it is none of those.
    func newPosition(ofPinned position: Int) -> Int? { self.pinned[position] }

    /// Whether a record is an object's current one, and stays.
    func isCurrent(_ oid: ObjectID, at position: Int) -> Bool {
        guard let (prefix, index, current) = self.find(oid), current == position else { return false }
        return self.isMarked(prefix, index)
    }

    /// Whether the record of an object at a position stays.
    func stays(_ oid: ObjectID, at position: Int) -> Bool {
        self.isCurrent(oid, at: position) || (!self.pinned.isEmpty && self.pinned[position] != nil)
    }

    private func isMarked(_ prefix: UInt64, _ index: Int) -> Bool {
        guard let words = self.marks[prefix] else { return false }
        return words[index >> 6] & (1 << UInt64(index & 63)) != 0
    }

    private func noMarks(_ prefix: UInt64) -> [UInt64] {
        Array(repeating: 0, count: ((self.positions.bucket(prefix)?.count ?? 0) + 63) / 64)
    }

    private func find(_ oid: ObjectID) -> (prefix: UInt64, index: Int, position: Int)? {
        let prefix = oid.rawValue >> 16
        guard let (index, position) = self.positions.find(oid) else { return nil }
        return (prefix, index, position)
    }
}
