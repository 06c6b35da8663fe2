//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing
import ZODBFormat

@testable import ZODBStorage

/// A random history, made step by step with a storage, that Python can make again (`history.py replay`).
struct HistoryScript {
    /// One transaction.
    struct Step: Encodable {
        struct Operation: Encodable {
            var kind: String
            var oid: String?
            var serial: String?
            var data: String?
            var tid: String?
        }

        var tid: String
        var status: String
        var user: String
        var operations: [Operation]
    }

    private(set) var steps: [Step] = []
    /// What came of each step: `["ok"]`, `["conflict", oid]`, `["missing", oid]`, or `["undo"]` with the objects in the
    /// way and why.
    private(set) var outcomes: [[String]] = []
    private var random: SplitMix
    private var tid = TransactionID(rawValue: 0x3d0_0000_0000_0000)
    private var committed: [TransactionID] = []

    init(seed: UInt64) {
        self.random = SplitMix(state: seed)
    }

    /// Makes up a transaction and commits it.
    mutating func step(_ storage: FileStorage) async throws {
        self.tid = TransactionID(rawValue: self.tid.rawValue + .random(in: 1...1 << 32, using: &self.random))
        var draft = TransactionDraft(metadata: .init(user: ByteBuffer(string: "step \(self.steps.count)")))
        draft.tid = self.tid
        draft.mergesConflicts = true
        if self.steps.count == 30 { draft.status = .packed }
        switch Int.random(in: 0..<10, using: &self.random) {
        case 0..<5: draft.operations = try self.changes(storage)
        case 5..<8: draft.operations = self.undos()
        case 8: draft.operations = try self.mixture(storage)
        default: draft.operations = try await self.restores(storage)
        }
        self.steps.append(Step(draft))
        self.outcomes.append(try await self.commit(draft, storage))
    }

    /// Stores and deletions, each of another object.
    private mutating func changes(_ storage: FileStorage) throws -> [TransactionDraft.Operation] {
        var operations: [TransactionDraft.Operation] = []
        for number in (0..<6).shuffled(using: &self.random).prefix(.random(in: 0...3, using: &self.random)) {
            let oid = ObjectID.numbered(UInt64(number))
            var serial = try self.newest(of: oid, in: storage)
            let isLength = number >= 3
            if !isLength, Int.random(in: 0..<12, using: &self.random) == 0 {
                serial = self.committed.randomElement(using: &self.random) ?? serial
            }
            if Int.random(in: 0..<6, using: &self.random) == 0 {
                operations.append(.delete(oid, serial: serial))
            } else {
                // Few values, so that changes and changes back are frequent.
                let text = "value \(Int.random(in: 0..<3, using: &self.random))"
                let data = isLength ? self.length() : ByteBuffer(string: text)
                operations.insert(.store(oid, serial: serial, data: data), at: 0)
            }
        }
        return operations
    }

    /// A record that changes can be merged of: a `BTrees.Length.Length`.
    private mutating func length() -> ByteBuffer {
        var record = ByteBuffer()
        PickleWriter().write(.global(.init("BTrees.Length", "Length")), into: &record)
        PickleWriter().write(.int(.random(in: 0..<5, using: &self.random)), into: &record)
        return record
    }

    private mutating func undos() -> [TransactionDraft.Operation] {
        (0..<Int.random(in: 1...3, using: &self.random)).map { _ in
            let recent = self.committed.suffix(8)
            return .undo(recent.randomElement(using: &self.random) ?? TransactionID(rawValue: 5))
        }
    }

    /// Undos and stores in any order, of the same objects at times. Only an undo can fail, so that it is the first one that
    /// does whose failure is told.
    private mutating func mixture(_ storage: FileStorage) throws -> [TransactionDraft.Operation] {
        let numbers = (0..<6).shuffled(using: &self.random).prefix(.random(in: 1...4, using: &self.random))
        let stores = try numbers.map { number -> TransactionDraft.Operation in
            let oid = ObjectID.numbered(UInt64(number))
            let text = "value \(Int.random(in: 0..<3, using: &self.random))"
            let data = number >= 3 ? self.length() : ByteBuffer(string: text)
            return .store(oid, serial: try self.newest(of: oid, in: storage), data: data)
        }
        return (self.undos() + stores).shuffled(using: &self.random)
    }

    private mutating func restores(_ storage: FileStorage) async throws -> [TransactionDraft.Operation] {
        let oid = ObjectID.numbered(.random(in: 0..<6, using: &self.random))
        let source = self.committed.randomElement(using: &self.random)
        // Only what was there, as it was: Python takes the rest on trust.
        var records: [StoredRecord] = []
        if let source {
            records = try await storage.allTransactions(from: source, through: source).flatMap(\.records)
        }
        // Of several records the last one counts, and Python would take it on trust that it has the data.
        let record = records.last { $0.oid == oid }.flatMap { $0.data == nil ? nil : $0 }
        return [
            .restore(
                oid,
                serial: self.tid,
                data: record?.data ?? (Bool.random(using: &self.random) ? ByteBuffer(string: "restored") : nil),
                dataTransaction: record == nil ? nil : source,
                blob: nil
            )
        ]
    }

    private func newest(of oid: ObjectID, in storage: FileStorage) throws -> TransactionID {
        try storage.reader().history(ofAny: oid).first ?? .zero
    }

    private mutating func commit(_ draft: TransactionDraft, _ storage: FileStorage) async throws -> [String] {
        do {
            switch try await storage.vote(draft) {
            case .prepared(let vote):
                self.committed.append(try await storage.finish(vote))
                return ["ok"]
            case .conflicts(let conflicts):
                return ["conflict", conflicts[0].oid.hex]
            }
        } catch let error as StorageError {
            switch error.code {
            case .undoFailed where error.undoProblems.isEmpty: return ["undo", error.message]
            case .undoFailed: return ["undo"] + error.undoProblems.flatMap { [$0.oid.hex, $0.problem] }
            case .conflict: return ["conflict", error.oid?.hex ?? ""]
            case .noSuchObject: return ["missing", error.oid?.hex ?? ""]
            default: throw error
            }
        }
    }
}

extension RevisionReader {
    /// The tids of an object's revisions, none for an object that never existed.
    fileprivate func history(ofAny oid: ObjectID) throws -> [TransactionID] {
        do {
            return try self.history(of: oid, limit: .max).map(\.tid)
        } catch let error as StorageError where error.code == .noSuchObject {
            return []
        }
    }
}

extension HistoryScript.Step {
    fileprivate init(_ draft: TransactionDraft) {
        self.tid = draft.tid?.hex ?? ""
        self.status = String(UnicodeScalar(draft.status.rawValue))
        self.user = draft.metadata.user.hex
        self.operations = draft.operations.map { operation in
            switch operation {
            case .store(let oid, let serial, let data):
                .init(kind: "store", oid: oid.hex, serial: serial.hex, data: data.hex)
            case .delete(let oid, let serial):
                .init(kind: "delete", oid: oid.hex, serial: serial.hex)
            case .undo(let tid):
                .init(kind: "undo", tid: tid.hex)
            case .restore(let oid, let serial, let data, let source, _):
                .init(kind: "restore", oid: oid.hex, serial: serial.hex, data: data?.hex, tid: source?.hex)
            case .storeBlob, .checkCurrent:
                preconditionFailure("the script does not do that")
            }
        }
    }
}
