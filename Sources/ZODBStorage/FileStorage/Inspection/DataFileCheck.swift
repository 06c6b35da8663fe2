//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
package import ZODBFormat

/// Looks at everything in a data file that can be right or wrong, and at the index beside it.
///
/// Nothing is changed, no lock is taken, and nobody is kept from writing the file. Memory is needed for the place of
/// each object (8 to 16 bytes) and for the heads of one transaction.
package struct DataFileCheck {
    /// What a check meets, in the order of the file.
    package enum Event: Sendable {
        case transaction(DataFileTransaction, number: Int)
        case record(oid: ObjectID, position: Int, size: Int, number: Int)
        case fault(DataFileFault)
        /// Something that is worth knowing and no fault.
        case note(String)
    }

    /// What was looked at.
    package struct Summary: Hashable, Sendable {
        package var bytes = 0
        package var transactions = 0
        package var records = 0
        package var objects = 0
        package var faults = 0
        /// Faults of references alone.
        package var danglingReferences = 0
    }

    private let path: String
    private let input: DataFileInput
    private let visit: (Event) throws -> Void
    private var index: IndexFile.Contents?
    private var table = ObjectIndexTable()
    /// Objects whose creation was undone.
    private var undone: Set<ObjectID> = []
    /// Records that say that their object's creation was undone, by themselves or through the record they point to.
    private var recordsWithoutObject: Set<Int> = []
    /// Pieces of the file of which the table knows nothing, in their order.
    private var lost: [Range<Int>] = []
    private var isIndexCompared = false
    private var summary = Summary()

    /// Checks the data file at `path`; with `references` also that whatever current objects refer to is there.
    ///
    /// `visit` hears of everything. Throws when the file cannot be read, and what `visit` throws.
    package static func run(
        _ path: String,
        references: Bool = false,
        visit: (Event) throws -> Void
    ) throws -> Summary {
        try withoutActuallyEscaping(visit) { visit in
            var check = try DataFileCheck(path, visit)
            try check.checkTransactions()
            if references { try check.checkReferences() }
            return check.summary
        }
    }

    private init(_ path: String, _ visit: @escaping (Event) throws -> Void) throws {
        self.path = path
        self.visit = visit
        // The index first: a server may save a newer one at any time, and it must not be ahead of the file's size.
        var indexProblem: String?
        let indexPath = IndexFile.path(for: path)
        if FileSystem.exists(indexPath) {
            do { self.index = try IndexFile.read(indexPath) } catch { indexProblem = "\(error)" }
        }
        self.input = try DataFileInput(path)
        self.summary.bytes = self.input.size
        if let fault = try self.input.formatFault() { try self.report(fault) }
        if let indexProblem {
            try self.report(DataFileFault(.index, at: nil, "\(indexPath) cannot be read: \(indexProblem)"))
        } else if self.index == nil {
            try visit(.note("there is no index file; the next opening reads the whole data file"))
        }
    }

    private mutating func report(_ fault: DataFileFault) throws {
        self.summary.faults += 1
        try self.visit(.fault(fault))
    }

    // MARK: Transactions

    private mutating func checkTransactions() throws {
        var walk = self.input.walk()
        while true {
            try self.compareIndex(at: walk.position)
            guard let step = try walk.next() else { break }
            switch step {
            case .transaction(let transaction): try self.check(transaction)
            case .damage(let fault, let end):
                self.lost.append((fault.position ?? end)..<end)
                if fault.kind == .torn, let owner = try FileLock.owner(of: self.path) {
                    try self.visit(.note("\(fault); the file is open for writing\(owner), perhaps just there"))
                } else {
                    try self.report(fault)
                }
            }
        }
        try self.finishIndex()
        self.summary.objects = self.table.count
    }

    private mutating func check(_ transaction: InspectedTransaction) throws {
        let isInOrder = !transaction.damage.contains { $0.kind == .order }
        try self.visit(.transaction(self.input.description(of: transaction), number: self.summary.transactions))
        self.summary.transactions += 1
        for fault in transaction.damage + transaction.slips { try self.report(fault) }
        for (number, record) in transaction.records.enumerated() {
            let header = record.header
            try self.visit(
                .record(oid: header.oid, position: record.position, size: header.dataLength, number: number)
            )
            self.summary.records += 1
            if isInOrder { try self.checkPointers(of: record, in: transaction) }
        }
        guard isInOrder else {
            self.lost.append(transaction.position..<transaction.end)
            return
        }
        if !transaction.isWhole {
            let sound = transaction.records.last.map { $0.position + $0.header.recordLength }
            self.lost.append((sound ?? transaction.position)..<transaction.end)
        }
        for record in transaction.records {
            self.table.set(record.header.oid, record.position)
            if self.hasNoObject(record, in: transaction) {
                self.undone.insert(record.header.oid)
                self.recordsWithoutObject.insert(record.position)
            } else if !self.undone.isEmpty {
                self.undone.remove(record.header.oid)
            }
        }
    }

    /// An undo of an undo may point to a record that only says that there is no object.
    private func hasNoObject(_ record: InspectedTransaction.Record, in transaction: InspectedTransaction) -> Bool {
        guard let pointer = record.pointer else { return false }
        if pointer == 0 { return true }
        guard !self.recordsWithoutObject.isEmpty else { return false }
        let moved = transaction.position - record.header.transaction
        return self.recordsWithoutObject.contains(pointer) || self.recordsWithoutObject.contains(pointer + moved)
    }

    private mutating func checkPointers(
        of record: InspectedTransaction.Record,
        in transaction: InspectedTransaction
    ) throws {
        let header = record.header
        // What has moved as a whole still points to where it was.
        let moved = transaction.position - header.transaction
        let expected = self.table[header.oid] ?? 0
        // A pack keeps a record for the sake of a later pointer, and another one of the object, and names none in either.
        let isPacked = transaction.header.status == .packed && header.previous == 0
        if !isPacked, header.previous != expected, header.previous + moved != expected, !self.isLost(header.previous),
            !self.isLost(header.previous + moved)
        {
            let named = header.previous == 0 ? "none" : "one at \(header.previous)"
            try self.report(
                DataFileFault(
                    .previous,
                    at: record.position,
                    "the record of object \(header.oid) names \(named) as its previous one; "
                        + (expected == 0 ? "there is none" : "it is at \(expected)")
                )
            )
        }
        guard let pointer = record.pointer, pointer != 0 else { return }
        for place in [pointer, pointer + moved] where place < record.position {
            if let target = try self.input.target(at: place, of: header.oid), target.tid < header.tid { return }
        }
        let reason = self.isLost(pointer) ? "which is damaged" : "where there is no earlier record of it"
        try self.report(
            DataFileFault(
                .pointer,
                at: record.position,
                "the data of object \(header.oid) is said to be at \(pointer), \(reason)"
            )
        )
    }

    private func isLost(_ position: Int) -> Bool {
        var range = self.lost.startIndex..<self.lost.endIndex
        while !range.isEmpty {
            let middle = range.lowerBound + range.count / 2
            if self.lost[middle].contains(position) { return true }
            if position < self.lost[middle].lowerBound {
                range = range.lowerBound..<middle
            } else {
                range = middle + 1..<range.upperBound
            }
        }
        return false
    }

    // MARK: The index

    private mutating func compareIndex(at position: Int) throws {
        guard let index = self.index, !self.isIndexCompared, index.end == position else { return }
        self.isIndexCompared = true
        if !self.lost.isEmpty {
            try self.visit(.note("the index file was not compared, since the data file is damaged"))
        } else if let oid = index.table.difference(from: self.table) {
            let (said, found) = (index.table[oid], self.table[oid])
            try self.report(
                DataFileFault(
                    .index,
                    at: nil,
                    "the index file \(said.map { "says that object \(oid) is at \($0)" } ?? "lacks object \(oid)"); "
                        + (found.map { "it is at \($0)" } ?? "there is none")
                )
            )
        }
    }

    private mutating func finishIndex() throws {
        guard let index = self.index, !self.isIndexCompared else { return }
        try self.report(
            DataFileFault(
                .index,
                at: nil,
                "the index file knows the data file up to \(index.end), where no transaction ends"
            )
        )
    }
}

// MARK: References

extension DataFileCheck {
    /// Reads the current record of each object, in the order of the file, and looks up what it refers to.
    private mutating func checkReferences() throws {
        let reader = RecordReader(self.input.file)
        var walk = self.input.walk()
        while let step = try walk.next() {
            guard case .transaction(let transaction) = step else { continue }
            for record in transaction.records where self.table[record.header.oid] == record.position {
                guard !self.recordsWithoutObject.contains(record.position) else { continue }
                try self.checkReferences(of: record, reader)
            }
        }
    }

    private mutating func checkReferences(of record: InspectedTransaction.Record, _ reader: RecordReader) throws {
        let oid = record.header.oid
        let references: [ObjectReference]
        do {
            references = try ObjectReference.all(in: reader.data(of: reader.record(at: record.position, of: oid)))
        } catch {
            try self.reportReference(record.position, "object \(oid) cannot be loaded: \(error)")
            return
        }
        var seen: Set<ObjectID> = []
        for reference in references where reference.isStrong && seen.insert(reference.oid).inserted {
            let name = reference.className.map { " of class \($0.module).\($0.name)" } ?? ""
            if self.table[reference.oid] == nil {
                try self.reportReference(
                    record.position,
                    "object \(oid) refers to object \(reference.oid)\(name), which does not exist"
                )
            } else if self.undone.contains(reference.oid) {
                try self.reportReference(
                    record.position,
                    "object \(oid) refers to object \(reference.oid)\(name), whose creation was undone"
                )
            }
        }
    }

    private mutating func reportReference(_ position: Int, _ problem: String) throws {
        self.summary.danglingReferences += 1
        try self.report(DataFileFault(.reference, at: position, problem))
    }
}
