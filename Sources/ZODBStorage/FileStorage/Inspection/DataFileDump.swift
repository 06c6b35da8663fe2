//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

package import ZODBFormat

/// Tells what is in a data file, transaction by transaction.
package enum DataFileDump {
    /// What a dump meets, in the order of the file.
    package enum Event: Sendable {
        case transaction(DataFileTransaction, number: Int)
        case record(DataFileRecord, number: Int)
        case fault(DataFileFault)
    }

    /// The class of an object stands at the beginning of its record.
    private static let classLength = 4096
    private static let longestRecord = 64 << 20

    /// Tells of the transactions in a range of tids, both ends included, and of all damage that is met on the way.
    /// Numbers count all transactions of the file, as in Python's fsdump.
    ///
    /// Throws when the file cannot be read, and what `visit` throws.
    package static func run(
        _ path: String,
        from first: TransactionID = .zero,
        through last: TransactionID = .max,
        visit: (Event) throws -> Void
    ) throws {
        let input = try DataFileInput(path)
        if let fault = try input.formatFault() { try visit(.fault(fault)) }
        var walk = input.walk()
        var number = 0
        while let step = try walk.next() {
            switch step {
            case .damage(let fault, _): try visit(.fault(fault))
            case .transaction(let transaction):
                defer { number += 1 }
                let tid = transaction.header.tid
                let isInOrder = !transaction.damage.contains { $0.kind == .order }
                if tid > last, isInOrder { return }
                guard tid >= first, tid <= last else { continue }
                try visit(.transaction(input.description(of: transaction), number: number))
                for (index, record) in transaction.records.enumerated() {
                    try visit(.record(Self.record(record, in: input), number: index))
                }
                for fault in transaction.damage { try visit(.fault(fault)) }
            }
        }
    }

    private static func record(_ record: InspectedTransaction.Record, in input: DataFileInput) throws -> DataFileRecord
    {
        let header = record.header
        var description = DataFileRecord(position: record.position, oid: header.oid, size: nil)
        guard let pointer = record.pointer else {
            description.size = header.dataLength
            description.className = try Self.className(header, at: record.position, in: input)
            return description
        }
        guard pointer != 0 else { return description }
        // Pointers lead to the front of the file only, and so come to an end.
        var (place, limit) = (pointer, record.position)
        while place < limit, let target = try input.target(at: place, of: header.oid) {
            description.dataTransaction = description.dataTransaction ?? target.tid
            guard target.dataLength == 0 else {
                description.size = target.dataLength
                description.className = try Self.className(target, at: place, in: input)
                return description
            }
            var bytes = try input.file.read(at: place + DataHeader.size, count: DataHeader.pointerSize)
            (place, limit) = (bytes.readFilePosition() ?? 0, place)
        }
        return description
    }

    private static func className(
        _ header: DataHeader,
        at position: Int,
        in input: DataFileInput
    ) throws -> PickleGlobal? {
        for count in [min(header.dataLength, Self.classLength), header.dataLength] where count <= Self.longestRecord {
            let bytes = try input.file.read(at: position + DataHeader.size, count: count)
            if let name = ObjectRecord.className(of: bytes) { return name }
            if count == header.dataLength { break }
        }
        return nil
    }
}
