//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing
import ZODBFormat

@Suite(.timeLimit(.minutes(1))) struct RecordMergeTests {
    private func record(_ module: String, _ name: String, _ state: PickleValue) -> ByteBuffer {
        ObjectRecord(classDescription: .global(PickleGlobal("BTrees." + module, name)), state: state).bytes
    }

    private func refusal(_ old: ByteBuffer, _ committed: ByteBuffer, _ new: ByteBuffer) -> MergeRefusal? {
        do {
            _ = try RecordMerge.merge(old: old, committed: committed, new: new)
            return nil
        } catch {
            return error
        }
    }

    // MARK: Lengths

    private func length(_ old: PickleValue, _ committed: PickleValue, _ new: PickleValue) throws -> PickleValue {
        let records = [old, committed, new].map { self.record("Length", "Length", $0) }
        return try ObjectRecord(RecordMerge.merge(old: records[0], committed: records[1], new: records[2])).state
    }

    @Test func lengthsAreAdded() throws {
        #expect(try self.length(.int(10), .int(13), .int(8)) == .int(11))
        #expect(try self.length(.int(0), .bool(true), .bool(true)) == .int(2))
        #expect(try self.length(.int(0), .float(0.5), .int(3)) == .float(3.5))
        #expect(
            try self.length(.int(-1), .int(.max), .int(0)) == .bigInt([0, 0, 0, 0, 0, 0, 0, 0x80, 0])
        )
        #expect(try self.length(.bigInt([0, 0, 0, 0, 0, 0, 0, 0x80, 0]), .int(.max), .int(0)) == .int(-1))
    }

    @Test(arguments: [PickleValue.none, .string("1"), .tuple([]), .list([.int(1)]), .dict([])])
    func lengthsThatAreNoNumbersAreRefused(_ state: PickleValue) {
        #expect(throws: MergeRefusal.unexpectedState("a length that is no number")) {
            try self.length(.int(1), .int(2), state)
        }
    }

    // MARK: Buckets

    private func bucket(_ items: KeyValuePairs<Int, Int>, next: UInt8? = nil) -> ByteBuffer {
        let elements = PickleValue.tuple(items.flatMap { [.int($0.key), .int($0.value)] })
        let id = next.map { PickleValue.bytes(ByteBuffer(bytes: [0, 0, 0, 0, 0, 0, 0, $0])) }
        return self.record("IIBTree", "IIBucket", .tuple([elements] + (id.map { [.persistentID($0)] } ?? [])))
    }

    @Test func changesOfDifferentKeysAreMerged() throws {
        let merged = try RecordMerge.merge(
            old: self.bucket([1: 1, 3: 3, 5: 5, 7: 7], next: 9),
            committed: self.bucket([1: 1, 2: 2, 3: 30, 5: 5, 7: 7], next: 9),
            new: self.bucket([0: 0, 1: 1, 3: 3, 7: 7, 8: 8], next: 9)
        )
        let expected = self.bucket([0: 0, 1: 1, 2: 2, 3: 30, 7: 7, 8: 8], next: 9)
        #expect(try ObjectRecord(merged) == ObjectRecord(expected))
    }

    typealias Items = KeyValuePairs<Int, Int>
    static let conflicts: [(BucketConflict, Items, Items, Items)] = [
        (.bothChangedValue, [1: 1, 2: 2], [1: 1, 2: 3], [1: 1, 2: 4]),
        (.deletedAndChanged, [1: 1, 2: 2, 3: 3], [1: 1, 2: 3, 3: 3], [1: 1, 3: 3]),
        (.changedAndDeleted, [1: 1, 2: 2, 3: 3], [1: 1, 3: 3], [1: 1, 2: 3, 3: 3]),
        (.bothInsertedOrDeleted, [1: 1, 3: 3], [1: 1, 2: 2, 3: 3], [1: 1, 2: 2, 3: 3]),
        (.bothInsertedOrDeleted, [1: 1, 2: 2, 3: 3], [1: 1, 3: 3], [1: 1, 3: 3]),
        (.bothDeleted, [1: 1, 2: 2], [1: 1, 3: 3], [1: 1, 4: 4]),
        (.bothInserted, [1: 1], [1: 1, 2: 2], [1: 1, 2: 2]),
        (.deletedWhatTheFirstChanged, [1: 1, 2: 2], [1: 1, 2: 3], [1: 1]),
        (.deletedWhatTheSecondChanged, [1: 1, 2: 2], [1: 1], [1: 1, 2: 3]),
        (.bothDeletedTheEnd, [1: 1, 2: 2], [1: 1], [1: 1]),
        (.emptyResult, [1: 1, 2: 2], [1: 1], [2: 2]),
        (.emptiedBucket, [1: 1], [:], [1: 2]),
        (.emptiedBucket, [1: 1], [1: 2], [:]),
        (.deletedFirstKey, [1: 1, 2: 2, 3: 3], [1: 1, 2: 2, 3: 3], [2: 2, 3: 3]),
        (.deletedFirstKey, [1: 1, 2: 2, 3: 3], [2: 2, 3: 3], [1: 1, 2: 2, 3: 3]),
    ]

    @Test(arguments: Self.conflicts.indices) func whatTheBTreesPackageRefusesIsRefused(_ index: Int) {
        let (conflict, old, committed, new) = Self.conflicts[index]
        let refusal = self.refusal(self.bucket(old), self.bucket(committed), self.bucket(new))
        // Deleting everything between both also deletes a first key.
        let accepted: [MergeRefusal] =
            conflict == .emptyResult ? [.bucket(.emptyResult), .bucket(.deletedFirstKey)] : [.bucket(conflict)]
        #expect(refusal.map { accepted.contains($0) } == true, "\(String(describing: refusal))")
    }

    @Test func aBucketThatWasSplitIsRefused() {
        let (old, split) = (self.bucket([1: 1, 2: 2], next: 9), self.bucket([1: 1], next: 8))
        #expect(self.refusal(old, split, self.bucket([1: 1, 2: 3], next: 9)) == .bucket(.nextChanged))
        #expect(self.refusal(old, self.bucket([1: 1, 2: 3], next: 9), split) == .bucket(.nextChanged))
        #expect(self.refusal(old, old, self.bucket([1: 1, 2: 2])) == .bucket(.nextChanged))
    }

    @Test func innerNodesOfTreesAreRefused() {
        let id = PickleValue.persistentID(.bytes(ByteBuffer(bytes: Array(repeating: 1, count: 8))))
        let node = self.record("IIBTree", "IIBTree", .tuple([.tuple([id, .int(3), id]), id]))
        #expect(self.refusal(node, node, node) == .bucket(.internalNode))
    }

    // MARK: Classes

    @Test func otherClassesAreTheApplications() {
        for (module, name) in [
            ("Length", "Length2"), ("OOBTree", "OOBucketPy"), ("OOBTree", "IIBucket"), ("OFBTree", "OFBucket"),
            ("OOBTree", "BTree"), ("check", "Checker"),
        ] {
            let record = self.record(module, name, .none)
            #expect(!RecordMerge.understands(record))
            #expect(self.refusal(record, record, record) == .unknownClass(PickleGlobal("BTrees." + module, name)))
        }
        let length = self.record("Length", "Length", .int(1))
        #expect(RecordMerge.understands(length))
        #expect(self.refusal(self.bucket([1: 1]), length, length) == .differentClasses)
    }

    @Test func classesMayBeSpelledInEachOfZODBsWays() throws {
        let name: PickleValue = .tuple([.string("BTrees.Length"), .string("Length")])
        let global = PickleValue.global(PickleGlobal("BTrees.Length", "Length"))
        for description in [global, .tuple([global, .none]), .tuple([global, .tuple([])]), .tuple([name, .none])] {
            let record = ObjectRecord(classDescription: description, state: .int(1)).bytes
            let merged = try RecordMerge.merge(
                old: record,
                committed: self.record("Length", "Length", .int(2)),
                new: record
            )
            #expect(try ObjectRecord(merged) == ObjectRecord(classDescription: description, state: .int(2)))
        }
        let made = ObjectRecord(classDescription: .tuple([global, .tuple([.int(1)])]), state: .int(1)).bytes
        #expect(self.refusal(made, made, made) == .noClass)
    }
}
