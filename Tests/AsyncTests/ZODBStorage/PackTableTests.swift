//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Testing
import ZODBFormat

@testable import ZODBStorage

@Suite struct PackTableTests {
    private let far = ObjectID(rawValue: 0x7fff_0000_0000_0003)

    private func table() -> PackTable {
        var table = PackTable()
        for number in 0..<200 as Range<UInt64> { table.set(.numbered(number), 100 + Int(number)) }
        table.set(.numbered(5), 900)
        table.set(.numbered(6), 0)
        table.set(self.far, 1 << 40)
        return table
    }

    @Test func objectsAreMarkedOnce() {
        var table = self.table()
        let oids: [ObjectID] = [.numbered(5), .numbered(5), .numbered(6), .numbered(999), self.far]
        let marks = oids.map { table.mark($0) }
        #expect(marks == [.new(900), .known, .missing, .missing, .new(1 << 40)])
        #expect(table.stays(.numbered(5), at: 900))
        #expect(!table.stays(.numbered(5), at: 105), "not its current record")
        #expect(!table.stays(.numbered(7), at: 107))
        #expect(table.isDropped(.numbered(7)))
        #expect(!table.isDropped(.numbered(5)))
        #expect(!table.isDropped(.numbered(6)))
        #expect(!table.isDropped(.numbered(999)))
    }

    @Test func whatLaterRecordsPointToStays() {
        var table = self.table()
        let isNew = table.pin(105)
        #expect(isNew)
        let isNewAgain = table.pin(105)
        #expect(!isNewAgain)
        #expect(table.stays(.numbered(5), at: 105))
        #expect(table.newPosition(ofPinned: 105) == 0)
        table.moved(from: 105, to: 44)
        table.moved(from: 107, to: 99)
        #expect(table.newPosition(ofPinned: 105) == 44)
        #expect(table.newPosition(ofPinned: 107) == nil)
    }

    @Test func allAreMarkedAtOnce() {
        var table = self.table()
        #expect(!table.isEmpty)
        table.markAll()
        for number in 0..<200 as Range<UInt64> where number != 5 && number != 6 {
            #expect(table.stays(.numbered(number), at: 100 + Int(number)))
        }
        #expect(table.stays(.numbered(5), at: 900))
        #expect(table.stays(self.far, at: 1 << 40))
        #expect(!table.isDropped(.numbered(6)))
        var empty = PackTable()
        #expect(empty.isEmpty)
        empty.set(.root, 0)
        #expect(empty.isEmpty)
    }
}
