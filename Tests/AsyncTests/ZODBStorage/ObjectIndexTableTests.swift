//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Testing
import ZODBFormat

@testable import ZODBStorage

@Suite struct ObjectIndexTableTests {
    @Test func objectsAreFoundInOrderWhereverTheyComeFrom() {
        var generator = SplitMix(state: 11)
        var table = ObjectIndexTable()
        var known: Set<UInt64> = []
        for round in 0..<300 {
            // Near one another, far from one another, at the edges of the buckets, and again.
            for number in [
                UInt64.random(in: 0..<2000, using: &generator), .random(in: 0...(.max), using: &generator),
                UInt64.random(in: 0..<4, using: &generator) << 16 &- 1, UInt64(round % 5) << 32,
            ] {
                known.insert(number)
                table.set(.numbered(number), 4 + round)
            }
            #expect(table.count == known.count)
            let sorted = known.sorted()
            for _ in 0..<4 {
                let asked =
                    [
                        .random(in: 0...(.max), using: &generator), sorted.randomElement(using: &generator) ?? 0,
                        (sorted.randomElement(using: &generator) ?? 0) &+ 1,
                    ].randomElement(using: &generator) ?? 0
                let next = sorted.first { $0 >= asked }
                #expect(table.first(atOrAfter: .numbered(asked))?.rawValue == next)
            }
            #expect(table.prefixes == Set(known.map { $0 >> 16 }).sorted())
        }
    }

    @Test func emptyTableHasNoFirstObject() {
        var table = ObjectIndexTable()
        #expect(table.first(atOrAfter: .root) == nil)
        #expect(table.prefixes.isEmpty)
    }
}
