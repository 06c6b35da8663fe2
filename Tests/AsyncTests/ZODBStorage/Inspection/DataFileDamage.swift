//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import ZODBFormat

@testable import ZODBStorage

/// Every kind of damage that a data file can suffer, done to one sound file.
struct DataFileDamage {
    /// Each damaged file with its name.
    private(set) var files: [(name: String, bytes: [UInt8])] = []
    /// Those in which a fault cannot be seen by anybody, or is none.
    private(set) var harmless: Set<String> = []

    private let bytes: [UInt8]
    private var transactions: [InspectedTransaction] = []

    /// Damages the file whose bytes these are; `other` is another sound file to splice with.
    init(_ bytes: [UInt8], other: [UInt8]) throws {
        self.bytes = bytes
        var walk = DataFileWalk(Self.window(bytes))
        while case .transaction(let transaction)? = try walk.next() { self.transactions.append(transaction) }
        self.flipBits()
        // Of a transaction with one record, either may be wrong about the tid; what follows tells.
        if let single = self.transactions.dropFirst().dropLast().first(where: { $0.records.count == 1 }) {
            self.flip("single-tid-high", at: single.position + 1, bit: 2)
            self.flip("single-record-tid-high", at: single.records[0].position + 9, bit: 2)
        }
        self.tear()
        self.splice(other)
    }

    static func window(_ bytes: [UInt8]) -> FileWindow {
        let buffer = ByteBuffer(bytes: bytes)
        return FileWindow(size: bytes.count, windowSize: 1 << 16) { position, count in
            buffer.getSlice(at: position, length: min(count, bytes.count - position)) ?? ByteBuffer()
        }
    }

    private mutating func add(_ name: String, _ bytes: [UInt8]) { self.files.append((name, bytes)) }

    private mutating func flip(_ name: String, at position: Int, bit: UInt8 = 1) {
        var bytes = self.bytes
        bytes[position] ^= bit
        self.add(name, bytes)
    }

    /// A bit in each field of heads in the front, in the middle and at the end of the file.
    private mutating func flipBits() {
        self.flip("format", at: 1)
        let count = self.transactions.count
        for (place, transaction) in [
            ("first", self.transactions[0]), ("middle", self.transactions[count / 2]),
            ("last", self.transactions[count - 1]),
        ] {
            let position = transaction.position
            self.flip("\(place)-tid-high", at: position)
            self.flip("\(place)-tid-low", at: position + 7)
            self.flip("\(place)-length-high", at: position + 11)
            self.flip("\(place)-length-low", at: position + 15)
            self.flip("\(place)-status", at: position + 16, bit: 0x10)
            self.flip("\(place)-user-length", at: position + 18)
            self.flip("\(place)-description-length", at: position + 20)
            self.flip("\(place)-extension-length", at: position + 21)
            self.flip("\(place)-trailer", at: transaction.end - 1)
            guard let record = transaction.records.first else { continue }
            self.flip("\(place)-record-tid", at: record.position + 15)
            self.flip("\(place)-record-previous", at: record.position + 23)
            self.flip("\(place)-record-transaction", at: record.position + 31)
            self.flip("\(place)-record-version", at: record.position + 33)
            self.flip("\(place)-record-length-high", at: record.position + 37)
            self.flip("\(place)-record-length-low", at: record.position + 41)
        }
        let pointers = self.transactions.flatMap(\.records).filter { ($0.pointer ?? 0) != 0 }
        for (number, record) in pointers.prefix(2).enumerated() {
            self.flip("pointer-\(number)-high", at: record.position + DataHeader.size + 3)
            self.flip("pointer-\(number)-low", at: record.position + DataHeader.size + 7)
        }
    }

    private mutating func tear() {
        let last = self.transactions[self.transactions.count - 1]
        let middle = self.transactions[self.transactions.count / 2]
        for (name, end) in [
            ("head", last.position + 10), ("body", last.position + 60), ("trailer", last.end - 3),
            ("middle", middle.position + 30),
        ] {
            self.add("truncated-\(name)", Array(self.bytes[..<end]))
        }
        self.add("zeros-behind", self.bytes + [UInt8](repeating: 0, count: 5000))
        self.add("garbage-behind", self.bytes + (0..<5000).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 3) })
        var checkpoint = self.bytes
        checkpoint[last.position + 16] = TransactionHeader.Status.checkpoint.rawValue
        self.add("checkpoint-last", checkpoint)
        checkpoint = self.bytes
        checkpoint[middle.position + 16] = TransactionHeader.Status.checkpoint.rawValue
        self.add("checkpoint-middle", checkpoint)
        var zeros = self.bytes
        zeros.replaceSubrange(
            middle.position..<middle.end,
            with: [UInt8](repeating: 0, count: middle.end - middle.position)
        )
        self.add("zeros-for-a-transaction", zeros)
        zeros = self.bytes
        zeros.replaceSubrange(middle.position + 5..<middle.position + 60, with: [UInt8](repeating: 0, count: 55))
        self.add("zeros-in-the-middle", zeros)
        self.add("a-piece-is-missing", Array(self.bytes[..<(middle.position + 11)] + self.bytes[(middle.end + 7)...]))
        self.add("a-transaction-is-missing", Array(self.bytes[..<middle.position] + self.bytes[middle.end...]))
        self.add("a-piece-is-there-twice", Array(self.bytes[..<middle.end] + self.bytes[middle.position...]))
    }

    private mutating func splice(_ other: [UInt8]) {
        let middle = self.transactions[self.transactions.count / 2]
        self.add("spliced-behind", self.bytes + other[4...])
        self.add("spliced-with-its-head", self.bytes + other)
        self.add("spliced-in-the-middle", Array(self.bytes[..<middle.end] + other[4...] + self.bytes[middle.end...]))
        self.add(
            "spliced-over",
            Array(
                self.bytes[..<min(middle.position + 9, other.count)] + other[min(middle.position + 9, other.count)...]
            )
        )
    }
}
