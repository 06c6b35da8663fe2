//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import OrderedCollections
import Testing
import ZODBFormat
import ZODBStorage

@testable import ZODB

/// The order of keys is Python's.
@Suite struct KeyOrderTests {
    /// Each list is in ascending order.
    private static var ascending: [[PersistentValue]] {
        [
            [.null, false, 1, 1.5, 2, .bigInteger(BigInteger("18446744073709551616")!), .double(1e300)],
            [.null, "", "A", "a", "ab", "\u{e9}", "\u{ff5e}", "\u{1f600}"],
            [
                .bytes(ByteBuffer()), .bytes(ByteBuffer(bytes: [0])), .bytes(ByteBuffer(bytes: [0, 1])),
                .bytes(ByteBuffer(bytes: [255])),
            ],
            [.tuple([]), .tuple([.null]), .tuple([.null, 1]), .tuple([.null, 2])],
            [.tuple([1, "b"]), .tuple([1.5, "a"]), .tuple([2]), .tuple([2, .tuple([])])],
            [.list([]), .list([0]), .list([0, 0]), .list([1])],
        ]
    }

    @Test func keysAreInPythonsOrder() throws {
        for keys in Self.ascending {
            for (index, key) in keys.enumerated() {
                for (other, otherKey) in keys.enumerated() {
                    let order = try key.compare(to: otherKey)
                    #expect(order.signum() == (index - other).signum(), "\(key) and \(otherKey)")
                }
            }
        }
    }

    @Test func numbersOfDifferentTypesAreEqual() throws {
        #expect(try PersistentValue.bool(true).compare(to: 1) == 0)
        #expect(try PersistentValue.double(2).compare(to: 2) == 0)
        #expect(try PersistentValue.tuple([.bool(true), 2]).compare(to: .tuple([1, 2.0])) == 0)
        // Two texts that Swift takes for one.
        #expect(try PersistentValue.string("\u{e9}").compare(to: "e\u{301}") > 0)
    }

    @Test func whatPythonCannotCompareIsRefused() {
        let pairs: [(PersistentValue, PersistentValue)] = [
            (.string("1"), .int(1)), (.string("a"), .bytes(ByteBuffer(string: "a"))), (.tuple([1]), .list([1])),
            (.tuple(["a"]), .tuple([1])), (.tuple([.null]), .tuple([1])), (.double(.nan), 1),
            (.dictionary([:]), .dictionary(["a": 1])),
        ]
        for (one, other) in pairs {
            #expect(throws: StorageError.self) { try one.compare(to: other) }
            #expect(throws: StorageError.self) { try other.compare(to: one) }
        }
    }
}
