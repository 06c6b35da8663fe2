//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Synchronization
import ZEOProtocol
public import ZODBFormat
public import ZODBStorage

extension ClientStorage {
    /// The transaction that this client holds a prepared vote of: one at most.
    struct Votes {
        struct Held {
            var vote: VoteID
            var connection: ZEOConnection
            var commit: OwnCommit
        }

        var held: Held?
        var lastNumber: UInt64 = 0
    }

    /// First phase: sends the whole draft to the server and waits for its answer.
    ///
    /// Drafts of one client go one after the other. Cancelling the task while it waits gives the transaction up.
    public func vote(_ draft: TransactionDraft) async throws -> VoteOutcome {
        guard !self.options.readOnly else { throw StorageError(.readOnly, "the client was opened for reading only") }
        guard !self.isReadOnly else { throw StorageError(.readOnly, "no server that can be written to is in reach") }
        try await self.commits.enter()
        do {
            let outcome = try await self.send(draft)
            if case .conflicts = outcome { self.commits.leave() }
            return outcome
        } catch {
            self.commits.leave()
            throw error
        }
    }

    private func send(_ draft: TransactionDraft) async throws -> VoteOutcome {
        let vote = self.votes.withLock { votes in
            votes.lastNumber += 1
            return VoteID(rawValue: votes.lastNumber)
        }
        let token = vote.token
        var beginning = try Self.beginning(draft.metadata, token)
        beginning.tid = draft.tid
        beginning.status = String(UnicodeScalar(draft.status.rawValue))
        let connection = try await self.connection()
        do {
            let messages = try await self.send(draft.operations, behind: [.begin(beginning)], token, to: connection)
            let reply = try await connection.call(.vote(token), after: messages)
            let items = try self.read(reply, on: connection) { try $0.voteItems() }
            let conflicts = items.compactMap { item -> ObjectConflict? in
                guard case .conflict(let report) = item else { return nil }
                return ObjectConflict(
                    oid: report.oid,
                    committed: report.committed,
                    read: report.read,
                    data: report.data
                )
            }
            guard conflicts.isEmpty else {
                connection.send(.abort(token))
                self.view.forget(conflicts.map(\.oid))
                return .conflicts(conflicts)
            }
            let merged = items.compactMap { if case .resolved(let oid) = $0 { oid } else { nil } }
            let commit = OwnCommit(draft, merged: Set(merged))
            self.votes.withLock { $0.held = .init(vote: vote, connection: connection, commit: commit) }
            return .prepared(vote)
        } catch let error as StorageError where error.code == .conflict && error.oid != nil {
            connection.send(.abort(token))
            guard let oid = error.oid else { throw error }
            self.view.forget([oid])
            guard let serials = error.serials else { throw error }
            let data = draft.operations.lazy.compactMap { operation -> ByteBuffer? in
                switch operation {
                case .store(oid, _, let data), .storeBlob(oid, _, let data, _): data
                default: nil
                }
            }
            guard let data = data.last else { throw error }
            return .conflicts([
                ObjectConflict(oid: oid, committed: serials.committed, read: serials.read, data: data)
            ])
        } catch {
            // Whatever it was, the server must not keep the transaction, nor its lock.
            connection.send(.abort(token))
            if let error = error as? StorageError, error.code == .readConflict, let oid = error.oid {
                self.view.forget([oid])
            }
            throw error
        }
    }

    /// Sends a transaction as far as its last blob. Returns the messages that are still to be sent.
    private func send(
        _ operations: [TransactionDraft.Operation],
        behind beginning: [ServerCall],
        _ token: TransactionToken,
        to connection: ZEOConnection
    ) async throws -> [ServerCall] {
        var messages = beginning
        for operation in operations {
            switch operation {
            case .store(let oid, let serial, let data): messages.append(.store(oid, serial: serial, data: data, token))
            case .checkCurrent(let oid, let serial): messages.append(.checkCurrent(oid, serial: serial, token))
            case .undo(let tid): messages.append(.undo(tid, token))
            case .delete(let oid, let serial): messages.append(.delete(oid, serial: serial, token))
            case .storeBlob(let oid, let serial, let data, let blob):
                try await connection.transmit(messages)
                messages = []
                try await self.send(blob, of: oid, serial: serial, data: data, token, to: connection)
            case .restore(let oid, _, let data?, _, let blob?):
                // The protocol restores no blobs. Who copies a history is alone: it is stored upon what there is.
                let serial = try await self.currentSerial(of: oid)
                try await connection.transmit(messages)
                messages = []
                try await self.send(blob, of: oid, serial: serial, data: data, token, to: connection)
            case .restore(let oid, let serial, let data, let earlier, _):
                messages.append(.restore(oid, serial: serial, data: data, dataTransaction: earlier, token))
            }
        }
        return messages
    }

    /// The tid of an object's current revision, `.zero` where there is none.
    private func currentSerial(of oid: ObjectID) async throws -> TransactionID {
        do {
            return try await self.serial(of: oid, before: .max) ?? .zero
        } catch let error as StorageError where error.code == .noSuchObject {
            return .zero
        }
    }

    private static func beginning(
        _ metadata: TransactionMetadata,
        _ token: TransactionToken
    ) throws -> TransactionBeginning {
        var beginning = TransactionBeginning(token: token, user: metadata.user, description: metadata.description)
        if metadata.extensionData.readableBytes > 0 {
            var data = metadata.extensionData
            guard case .dict(let items) = try PickleReader().read(from: &data) else {
                throw StorageError(.invalidArgument, "the extension of a transaction is not a pickled dictionary")
            }
            beginning.extensionItems = items
        }
        return beginning
    }

    /// The objects that the server has merged with what others had committed.
    public func mergedObjects(of vote: VoteID) async -> [ObjectID] {
        self.votes.withLock { $0.held?.vote == vote ? $0.held?.commit.merged.sorted() ?? [] : [] }
    }

    /// Second phase: has the server commit, follows the transaction, and returns its tid.
    ///
    /// Throws `StorageError.disconnected` when the connection is lost meanwhile; whether the transaction was committed is
    /// then not known. Cancelling the task does not interrupt it.
    public func finish(_ vote: VoteID) async throws -> TransactionID {
        guard let held = self.release(vote) else {
            throw StorageError(.noSuchVote, "vote \(vote.rawValue) is not held")
        }
        defer { self.commits.leave() }
        let tid = try await held.connection.finish(vote.token, held.commit)
        await self.keep(held.commit.blobs, at: tid)
        return tid
    }

    /// Gives up a prepared transaction.
    public func abort(_ vote: VoteID) async {
        guard let held = self.release(vote) else { return }
        held.connection.send(.abort(vote.token))
        self.commits.leave()
    }

    private func release(_ vote: VoteID) -> Votes.Held? {
        self.votes.withLock { votes in
            guard votes.held?.vote == vote else { return nil }
            defer { votes.held = nil }
            return votes.held
        }
    }
}

extension VoteID {
    /// The client's name for the transaction in the conversation with the server.
    fileprivate var token: TransactionToken { TransactionToken(Int(truncatingIfNeeded: self.rawValue)) }
}
