//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing
import ZODBFormat
import ZODBStorage

@testable import ZODB

/// BTrees over a storage in memory.
@Suite(.timeLimit(.minutes(1))) struct BTreeTests {
    private func withConnection(cacheSize: Int = 400, _ body: (Connection) async throws -> Void) async throws {
        let connection = try await Database.open(MappingStorage(), cacheSize: cacheSize).connection()
        try await body(connection)
        await connection.close()
    }

    /// Random changes in steps of many keys, against a dictionary; every few of them are committed or given up.
    private func runProgram<Family: BTreeFamily>(
        _ family: Family.Type,
        seed: UInt64,
        keys: Int,
        key: (Int) -> Family.Key,
        value: (Int) -> Family.Value
    ) async throws where Family.Key: Equatable, Family.Value: Equatable {
        var random = SeededGenerator(seed: seed)
        try await self.withConnection(cacheSize: 20) { connection in
            let root = try await connection.root()
            root["tree"] = .object(BTree<Family>())
            root["set"] = .object(TreeSet<Family>())
            try await connection.commit()
            var committed: [Int: Int] = [:]
            var model: [Int: Int] = [:]
            for _ in 0..<60 {
                let tree = try #require(try await root.object("tree") as? BTree<Family>)
                let set = try #require(try await root.object("set") as? TreeSet<Family>)
                let start = Int.random(in: 0..<keys, using: &random)
                let count = random.chance(30) ? Int.random(in: 0...(keys / 2), using: &random) : 3
                let isRemoval = random.chance(45)
                for index in start..<min(start + count, keys) {
                    if isRemoval {
                        let old = model.removeValue(forKey: index)
                        #expect(try await tree.removeValue(for: key(index)) == old.map(value))
                        #expect(try await set.remove(key(index)) == (old != nil))
                    } else {
                        let number = Int.random(in: 0..<100, using: &random)
                        let old = model.updateValue(number, forKey: index)
                        #expect(try await tree.set(value(number), for: key(index)) == (old == nil))
                        #expect(try await set.insert(key(index)) == (old == nil))
                    }
                }
                if random.chance(2) {
                    try await tree.removeAll()
                    try await set.removeAll()
                    model = [:]
                }
                if random.chance(30) {
                    if random.chance(80) {
                        try await connection.commit()
                        committed = model
                    } else {
                        await connection.abort()
                        model = committed
                    }
                    let indices = model.keys.sorted()
                    #expect(try await tree.checked().map(\.0) == indices.map(key))
                    #expect(try await tree.values().collected() == indices.map { value(model[$0] ?? 0) })
                    #expect(try await set.checked().map(\.0) == indices.map(key))
                    #expect(try await set.count() == model.count)
                    let (low, high) = (start, min(start + count, keys))
                    let range = tree.keys(from: key(low), through: key(high), excludesMin: true, excludesMax: true)
                    #expect(try await range.collected() == indices.filter { $0 > low && $0 < high }.map(key))
                    #expect(try await tree.minKey(key(low)) == indices.first { $0 >= low }.map(key))
                    #expect(try await tree.maxKey(key(low)) == indices.last { $0 <= low }.map(key))
                }
            }
        }
    }

    @Test func randomChangesOfObjectsAreThoseOfADictionary() async throws {
        try await self.runProgram(
            BTrees.OO.self,
            seed: TestSeed.value,
            keys: 600,
            key: { .tuple([.int($0 / 10), .string("k\($0 % 10)")]) },
            value: { .string("value \($0)") }
        )
    }

    @Test func randomChangesOfIntegersAreThoseOfADictionary() async throws {
        try await self.runProgram(
            BTrees.IF.self,
            seed: TestSeed.value + 1,
            keys: 1500,
            key: { Int32($0 - 750) * 2_000_000 },
            value: { Float($0) / 4 }
        )
        try await self.runProgram(
            BTrees.QO.self,
            seed: TestSeed.value + 2,
            keys: 800,
            key: { UInt.max - UInt(800 - $0) },
            value: { .int($0) }
        )
        try await self.runProgram(
            BTrees.fs.self,
            seed: TestSeed.value + 3,
            keys: 2500,
            key: { TwoBytes(rawValue: UInt16($0) * 20) },
            value: { SixBytes(rawValue: UInt64($0) << 40)! }
        )
    }

    /// Enough keys for the root to be split, from either end, and removed from the middle until nothing is left.
    @Test func aTreeOfThreeLevelsGrowsAndShrinks() async throws {
        let count = 9000
        for isAscending in [true, false] {
            try await self.withConnection { connection in
                let root = try await connection.root()
                let set = OOTreeSet()
                root["set"] = .object(set)
                for index in 0..<count { try await set.insert(.int(isAscending ? index : -index)) }
                // Of 600 half full leaves, 250 or more below each node.
                #expect((2...3).contains(set.content.children.count))
                #expect(try await set.checked().count == count)
                try await connection.commit()
                #expect(try await set.checked().count == count)
                for index in 0..<count {
                    let key = (index + count / 3) % count
                    #expect(try await set.remove(.int(isAscending ? key : -key)))
                    if index % 2000 == 0 {
                        #expect(try await set.checked().count == count - index - 1)
                        try await connection.commit()
                    }
                }
                #expect(set.isEmpty && set.state == .none)
                try await connection.commit()
            }
        }
    }

    @Test func aLookUpLoadsOneRecordForEachLevel() async throws {
        let database = try await Database.open(MappingStorage())
        try await database.transaction { root in
            let tree = IIBTree()
            for key in 0..<5000 { try await tree.set(1, for: Int32(key)) }
            root["tree"] = .object(tree)
        }
        let connection = database.connection()
        connection.minimizeCache()
        let tree = try #require(try await connection.root().object("tree") as? IIBTree)
        #expect(connection.cache.count == 2)
        #expect(try await tree[1234] == 1)
        #expect(connection.cache.count == 3)
        #expect(try await tree[99999] == nil)
        #expect(connection.cache.count == 4)
        #expect(try await tree.minKey() == 0)
        #expect(connection.cache.count == 5)
        await connection.close()
    }

    @Test func settingTheSameNumberIsNoChangeAndSettingAnEqualObjectIs() async throws {
        try await self.withConnection { connection in
            let root = try await connection.root()
            let (numbers, objects) = (LFBTree(), LOBTree())
            (root["numbers"], root["objects"]) = (.object(numbers), .object(objects))
            try await numbers.set(0.5, for: 1)
            try await objects.set("a", for: 1)
            try await connection.commit()
            #expect(try await numbers.set(0.5, for: 1) == false)
            #expect(!numbers.isChanged)
            #expect(try await objects.insert("b", for: 1) == false)
            #expect(!objects.isChanged)
            #expect(try await objects.set("a", for: 1) == false)
            #expect(objects.isChanged)
        }
    }

    @Test func keysWithoutAnOrderAreRefusedAndNamed() async throws {
        let tree = OOBTree()
        try await tree.set(1, for: "text")
        let error = await #expect(throws: StorageError.self) { try await tree.set(1, for: 17) }
        #expect(error?.code == .invalidArgument)
        #expect(error?.message.contains("the str \"text\"") == true)
        #expect(error?.message.contains("the int 17") == true)
        await #expect(throws: StorageError.self) { try await tree[17] }
        await #expect(throws: StorageError.self) { try await tree.set(1, for: .object(Length())) }
        // `None` comes before everything.
        try await tree.set(2, for: .null)
        #expect(try await tree.keys().collected() == [.null, "text"])
        #expect(try await tree.count() == 2)
    }

    @Test func aTreeMayBeChangedWhileItIsWalkedThrough() async throws {
        try await self.withConnection { connection in
            let root = try await connection.root()
            let tree = IOBTree()
            root["tree"] = .object(tree)
            try await tree.update((0..<500).map { (Int32($0 * 2), .int($0)) })
            try await connection.commit()
            var seen: [Int32] = []
            for try await (key, _) in tree.items() {
                seen.append(key)
                try await tree.removeValue(for: key)
                try await tree.set("far", for: 2000 - key)
            }
            #expect(seen == seen.sorted() && Set(seen).count == seen.count)
            #expect(Set(seen).isSuperset(of: (0..<500).map { $0 * 2 }))
        }
    }

    @Test func changesOfManyTasksAreMerged() async throws {
        let database = try await Database.open(MappingStorage())
        try await database.transaction { root in
            root["tree"] = .object(OOBTree())
            root["length"] = .object(Length())
        }
        try await withThrowingTaskGroup { group in
            for task in 0..<8 {
                group.addTask {
                    for step in 0..<25 {
                        try await database.transaction(attempts: 1000) { root in
                            let tree = try #require(try await root.object("tree") as? OOBTree)
                            let length = try #require(try await root.object("length") as? Length)
                            try await tree.set(.int(task), for: .int(step * 8 + task))
                            try length.change(by: 1)
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        let keys = try await database.read { root in
            let tree = try #require(try await root.object("tree") as? OOBTree)
            #expect(try #require(try await root.object("length") as? Length).value == 200)
            return try await tree.checked().map(\.0.int)
        }
        #expect(keys == Array(0..<200))
    }

    @Test func setsAreUnitedIntersectedAndSubtracted() async throws {
        let (small, large) = (OOTreeSet(), OOTreeSet())
        try await small.formUnion((0..<100).map { .int($0 * 3) })
        try await large.formUnion((0..<300).map { .int($0) })
        #expect(try await small.union(large).count == 300)
        #expect(try await small.intersection(large).count == 100)
        #expect(try await large.subtracting(small).count == 200)
        #expect(try await small.subtracting(large).isEmpty)
        try await large.subtract((0..<299).map { .int($0) })
        #expect(try await large.keys().collected() == [299])
    }

    @Test func bucketsAndLengthsAreChangedAndRestored() async throws {
        try await self.withConnection { connection in
            let root = try await connection.root()
            let (bucket, set, length) = (OIBucket(), UUSet(), Length(3))
            (root["bucket"], root["set"], root["length"]) = (.object(bucket), .object(set), .object(length))
            #expect(try bucket.set(1, for: "b") && bucket.set(2, for: "a"))
            #expect(try set.insert(7) && !set.insert(7))
            try await connection.commit()
            #expect(try bucket.set(1, for: "b") == false)
            #expect(!bucket.isChanged)
            try bucket.removeValue(for: "a")
            try set.removeAll()
            try length.change(by: -4)
            #expect(length.value == -1)
            #expect(throws: StorageError.self) { try length.change(by: .min) }
            await connection.abort()
            #expect(bucket.keys == ["a", "b"] && bucket.values == [2, 1])
            #expect(try set.contains(7) && length.value == 3)
        }
    }
}
