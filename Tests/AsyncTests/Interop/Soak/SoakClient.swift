//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import ZEOProtocol
import ZODBFormat

/// A client that does by lot what clients do. For one task.
final class SoakClient {
    private let port: Int
    private let plan: SoakPlan
    private let progress: SoakProgress
    private var lot: SeededGenerator
    private var client: RawZEOClient
    private var lastToken = 0
    private var calls = 0

    private init(_ number: Int, _ port: Int, _ plan: SoakPlan, _ progress: SoakProgress) async throws {
        self.port = port
        self.plan = plan
        self.progress = progress
        self.lot = SeededGenerator(seed: TestSeed.value &+ UInt64(number))
        self.client = try await RawZEOClient.registered(port: port)
    }

    // MARK: Beside the clients

    /// Commits a root that refers to all objects, and each of them once.
    static func fill(port: Int, _ plan: SoakPlan) async throws {
        let client = try await RawZEOClient.registered(port: port)
        let token = TransactionToken(1)
        let oids = (1...plan.objects).map { ObjectID(rawValue: UInt64($0)) }
        try await client.send(.asynchronous(.begin(TransactionBeginning(token: token))))
        try await client.send(.asynchronous(.store(.root, serial: .zero, data: record("root", oids), token)))
        for oid in oids {
            try await client.send(.asynchronous(.store(oid, serial: .zero, data: record("\(oid)"), token)))
        }
        _ = try await client.call(.vote(token))
        _ = try await client.finish(token)
        try await client.close()
    }

    /// Packs now and then, as often as it is planned.
    static func pack(port: Int, _ plan: SoakPlan, _ progress: SoakProgress) async throws {
        for number in 0..<plan.packs {
            try await progress.wait(until: Double(number) / Double(plan.packs))
            let client = try await RawZEOClient.registered(port: port)
            let last = try await client.lastTransaction()
            _ = try await client.call(.pack(time: last.secondsSince1970, isWaited: true)).plainValue()
            progress.packed()
            try await client.close()
        }
    }

    // MARK: One client

    /// Makes a client's part of the calls.
    static func run(_ number: Int, port: Int, _ plan: SoakPlan, _ progress: SoakProgress) async throws {
        let client = try await SoakClient(number, port, plan, progress)
        let share = plan.calls / plan.clients + 1
        let connections = plan.reconnections / plan.clients + 1
        for connection in 1...connections {
            while client.calls < share * connection / connections { try await client.act() }
            if connection < connections { try await client.reconnect() }
        }
        try await client.client.close()
    }

    private func act() async throws {
        let before = self.calls
        let kind: String
        switch Int.random(in: 0..<1000, using: &self.lot) {
        case ..<700: kind = try await self.load()
        case ..<900: kind = try await self.ask()
        case ..<990: kind = try await self.commit()
        default: kind = try await self.commitBlob()
        }
        self.progress.made(self.calls - before, kind)
    }

    /// Goes away, perhaps in the midst of something, and comes again.
    private func reconnect() async throws {
        switch Int.random(in: 0..<4, using: &self.lot) {
        case 0:
            let token = try await self.begin()
            try await self.store(self.anyObject(), .zero, token)
            _ = try await self.client.begin(.vote(token))
        case 1:
            _ = try await self.client.begin(.iteratorStart(from: nil, through: nil))
            try await self.client.send(.asynchronous(.storeBlobStart))
        case 2:
            for _ in 0..<50 { _ = try await self.client.begin(.loadBefore(.root, .max)) }
        default:
            break
        }
        try await self.client.close()
        self.client = try await RawZEOClient.registered(port: self.port)
    }

    private func anyObject() -> ObjectID {
        ObjectID(rawValue: UInt64(Int.random(in: 1...self.plan.objects, using: &self.lot)))
    }

    private func call(_ call: ServerCall) async throws -> Reply {
        self.calls += 1
        return try await self.client.call(call)
    }

    // MARK: Reading

    private func load() async throws -> String {
        let oid = self.anyObject()
        guard let revision = try await self.loaded(oid) else {
            throw FormatError("soak", "\(oid) is not there")
        }
        guard try text(of: revision.data)?.hasPrefix("\(oid)") == true else {
            throw FormatError("soak", "\(oid) has the record of another object")
        }
        return "loads"
    }

    private func loaded(_ oid: ObjectID) async throws -> LoadedRevision? {
        self.calls += 1
        return try await self.client.load(oid)
    }

    private func ask() async throws -> String {
        switch Int.random(in: 0..<10, using: &self.lot) {
        case 0: _ = try await self.call(.ping).plainValue()
        case 1: _ = try await self.call(.history(self.anyObject(), limit: 5)).history()
        case 2: _ = try await self.call(.undoLog(first: 0, last: -20)).undoable()
        case 3: _ = try await self.call(.currentRecord(atOrAfter: self.anyObject())).currentRecord()
        case 4: _ = try await self.call(.newObjectIDs(10)).objectIDs()
        case 5: _ = try await self.call(.serverStatus).plainValue()
        case 6: _ = try await self.call(.getInfo).serverInformation()
        case 7: _ = try await self.call(.getTid(self.anyObject())).transactionID()
        case 8:
            let last = try await self.call(.lastTransaction).transactionID() ?? .zero
            _ = try await self.call(.getInvalidations(after: last)).invalidations()
        default: try await self.walk()
        }
        return "questions"
    }

    private func walk() async throws {
        let last = try await self.call(.lastTransaction).transactionID() ?? .zero
        let walk = try await self.call(.iteratorStart(from: last, through: nil)).walk()
        if let transaction = try await self.call(.iteratorNext(walk)).transaction() {
            let records = try await self.call(.iteratorRecordStart(walk, transaction.tid)).walk()
            while try await self.call(.iteratorRecordNext(records)).recordEntry() != nil {}
        }
        _ = try await self.call(.iteratorsDropped([walk])).plainValue()
    }

    // MARK: Writing

    private func begin() async throws -> TransactionToken {
        self.lastToken += 1
        let token = TransactionToken(self.lastToken)
        try await self.client.send(.asynchronous(.begin(TransactionBeginning(token: token))))
        self.calls += 1
        return token
    }

    private func store(_ oid: ObjectID, _ serial: TransactionID, _ token: TransactionToken) async throws {
        let size = Int.random(in: 0..<1000, using: &self.lot)
        let data = record("\(oid) " + String(repeating: "x", count: size))
        try await self.client.send(.asynchronous(.store(oid, serial: serial, data: data, token)))
        self.calls += 1
    }

    /// Commits changes of some objects, unless others have been quicker or it is decided otherwise.
    private func commit() async throws -> String {
        var serials: [ObjectID: TransactionID] = [:]
        for _ in 0..<Int.random(in: 1...3, using: &self.lot) {
            let oid = self.anyObject()
            serials[oid] = try await self.loaded(oid)?.tid
        }
        let token = try await self.begin()
        for (oid, serial) in serials { try await self.store(oid, serial, token) }
        return try await self.end(token)
    }

    private func commitBlob() async throws -> String {
        let oid = self.anyObject()
        let serial = try await self.loaded(oid)?.tid ?? .zero
        let token = try await self.begin()
        let chunk = ByteBuffer(repeating: 7, count: Int.random(in: 0..<50_000, using: &self.lot))
        try await self.client.send(
            .asynchronous(.storeBlobStart),
            .asynchronous(.storeBlobChunk(chunk)),
            .asynchronous(.storeBlobChunk(chunk)),
            .asynchronous(.storeBlobEnd(oid, serial: serial, data: record("\(oid)"), token))
        )
        self.calls += 4
        guard try await self.end(token) == "commits" else { return "blobs that were not committed" }
        guard let tid = try await self.loaded(oid)?.tid else { return "blobs" }
        let reply = try await self.call(.sendBlob(oid, tid))
        // Somebody may have changed the object since, without a blob, or a pack removed it.
        _ = try? reply.plainValue()
        return "blobs"
    }

    private func end(_ token: TransactionToken) async throws -> String {
        if self.lot.chance(5) {
            _ = try await self.call(.abort(token)).plainValue()
            return "aborts"
        }
        let items = try await self.call(.vote(token)).voteItems()
        guard items.isEmpty, !self.lot.chance(5) else {
            _ = try await self.call(.abort(token)).plainValue()
            return items.isEmpty ? "aborts" : "conflicts"
        }
        self.calls += 1
        _ = try await self.client.finish(token)
        return "commits"
    }
}
