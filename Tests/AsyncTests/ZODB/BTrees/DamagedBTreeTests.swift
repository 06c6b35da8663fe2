//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing
import ZODBFormat
import ZODBStorage

@testable import ZODB

/// Trees whose records make no sense end in an error, and never in a circle.
@Suite(.timeLimit(.minutes(1))) struct DamagedBTreeTests {
    private let storage: any Storage = MappingStorage()

    private func reference(_ oid: UInt64, _ name: String) -> PickleValue {
        .persistentID(
            .tuple([.identifier(ObjectID(rawValue: oid)), .global(PickleGlobal("BTrees.IIBTree", "II" + name))])
        )
    }

    /// Stores these states as objects 1, 2, … and returns the first one, a tree.
    private func tree(_ states: [(name: String, state: PickleValue)]) async throws -> (Connection, IIBTree) {
        let connection = try await Database.open(self.storage).connection()
        var draft = TransactionDraft()
        for (index, (name, state)) in states.enumerated() {
            let record = ObjectRecord(
                classDescription: .global(PickleGlobal("BTrees.IIBTree", "II" + name)),
                state: state
            )
            draft.operations.append(
                .store(ObjectID(rawValue: UInt64(index + 1)), serial: .zero, data: record.bytes)
            )
        }
        guard case .prepared(let vote) = try await self.storage.vote(draft) else { fatalError("a conflict") }
        _ = try await self.storage.finish(vote)
        try await connection.begin()
        return (connection, try #require(try await connection.object(ObjectID(rawValue: 1)) as? IIBTree))
    }

    @Test func nodesInACircleAreNoticed() async throws {
        let children = PickleValue.tuple([self.reference(1, "BTree"), .int(5), self.reference(1, "BTree")])
        let (connection, tree) = try await self.tree([
            ("BTree", .tuple([children, self.reference(2, "Bucket")])), ("Bucket", .tuple([.tuple([1, 1])])),
        ])
        await #expect(throws: FormatError.self) { try await tree[7] }
        await #expect(throws: FormatError.self) { try await tree.set(1, for: 7) }
        await #expect(throws: FormatError.self) { try await tree.maxKey() }
        await connection.close()
    }

    @Test func leavesInACircleAreNoticed() async throws {
        let children = PickleValue.tuple([self.reference(2, "Bucket"), .int(5), self.reference(3, "Bucket")])
        let (connection, tree) = try await self.tree([
            ("BTree", .tuple([children, self.reference(2, "Bucket")])),
            ("Bucket", .tuple([.tuple([1, 1]), self.reference(3, "Bucket")])),
            ("Bucket", .tuple([.tuple([6, 1]), self.reference(2, "Bucket")])),
        ])
        #expect(try await tree[6] == 1)
        await #expect(throws: FormatError.self) { try await tree.count() }
        await #expect(throws: FormatError.self) { try await tree.keys().collected() }
        await connection.close()
    }

    @Test func childrenOfAnotherKindAndEmptyNodesAreNoticed() async throws {
        let children = PickleValue.tuple([self.reference(2, "Set"), .int(5), self.reference(3, "BTree")])
        let (connection, tree) = try await self.tree([
            ("BTree", .tuple([children, self.reference(2, "Set")])), ("Set", .tuple([.tuple([1])])), ("BTree", .none),
        ])
        await #expect(throws: FormatError.self) { try await tree[1] }
        await #expect(throws: FormatError.self) { try await tree[5] }
        await #expect(throws: FormatError.self) { try await tree.minKey() }
        await connection.close()
    }

    @Test(
        arguments: [
            PickleValue.int(1), .tuple([]), .tuple([.tuple([])]), .tuple([.tuple([.int(1)])]),
            .tuple([.tuple([.tuple([.tuple([1])])])]),
            .tuple([.tuple([.tuple([.tuple(["a", 1])])])]),
            .tuple([.tuple([.tuple([.tuple([1, 2_147_483_648])])])]),
            .tuple([.tuple([.tuple([.tuple([.bigInt([0, 0, 0, 0, 0, 0, 0, 0, 1]), 1])])])]),
        ]
    )
    func statesThatAreNoneAreRefused(_ state: PickleValue) async throws {
        let error = await #expect(throws: FormatError.self) { _ = try await self.tree([("BTree", state)]) }
        #expect(error?.subject.contains("\(ObjectID(rawValue: 1))") == true)
    }
}
