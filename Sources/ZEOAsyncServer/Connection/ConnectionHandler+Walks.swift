//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import ZEOProtocol
import ZODBFormat
import ZODBStorage

// Calls that walk through a storage: one at a time for each client, on threads of their own. Each is answered before the
// next one begins, so that walks meet what they look for in order.
extension ConnectionHandler {
    /// How many such calls of a client may wait before nothing more is read from it.
    static let maximumWaitingWalks = 16

    func walk(_ message: ClientMessage) {
        self.walks.append(message)
        self.startWalks()
    }

    private func startWalks() {
        while !self.isWalking, !self.machine.isClosed, let message = self.walks.popFirst() {
            self.catchUp()
            guard let registration = self.registration, let walk = self.makeWalk(message, registration.served) else {
                continue
            }
            self.isWalking = true
            let storage = registration.served.storage
            let seen = registration.seen
            let format = registration.format
            let limit = self.server.configuration.maximumAnswerSize
            let bound = self.bound
            self.walkTask = self.server.walks.start(on: WalkExecutor.shared) {
                let result: Result<WalkAnswer, any Error>
                do {
                    let finding = try await walk.find(in: storage, asOf: seen)
                    // What is long is written down here, where nobody else waits for it.
                    result = .success(try WalkAnswer(finding, to: message.id, format, limit: limit))
                } catch {
                    result = .failure(error)
                }
                bound.execute { $0.walked(message, walk, result) }
            }
        }
        self.updateReading()
    }

    /// What has to be asked to answer a call; `nil` when it has been answered.
    private func makeWalk(_ message: ClientMessage, _ served: ServedStorage) -> StorageWalk? {
        let traits = served.storage.traits
        switch message.call {
        case .history(let oid, let limit):
            return .history(oid, limit: limit)
        case .undoLog(let first, let last):
            guard traits.supportsUndo else { break }
            return .undoable(first: first, last: last, specification: [])
        case .undoInfo(let first, let last, let specification):
            guard traits.supportsUndo else { break }
            return .undoable(first: first, last: last, specification: specification ?? [])
        case .currentRecord(let oid):
            guard traits.iteratesCurrentRecords else {
                let sentence = "'\(traits.name)' has no record_iternext"
                self.fail(message, RemoteException("builtins.AttributeError", .string(sentence)))
                return nil
            }
            return .currentRecord(atOrAfter: oid ?? .root)
        case .iteratorStart(let first, let last):
            guard self.hasRoom(message) else { return nil }
            return .transactions(from: first ?? .zero, through: last ?? .max)
        case .iteratorNext(let number):
            if let cursor = self.iterators.transactions(number) { return .nextTransaction(number, cursor) }
            self.failWithKey(message, number)
            return nil
        case .iteratorRecordStart(let number, let tid):
            guard let last = self.iterators.lastTransaction(number) else {
                self.failWithKey(message, number)
                return nil
            }
            guard last.tid == tid else {
                let sentence = "Out-of-order request for record iterator for transaction \(tid)"
                self.fail(message, RemoteException("builtins.Exception", .string(sentence)))
                return nil
            }
            return self.hasRoom(message) ? .records(last) : nil
        case .iteratorRecordNext(let number):
            if let cursor = self.iterators.records(number) { return .nextRecord(number, cursor) }
            self.failWithKey(message, number)
            return nil
        case .iteratorsDropped(let numbers):
            for number in numbers { self.iterators.remove(number) }
            self.answer(message, .none)
            return nil
        default:
            preconditionFailure("Only calls that walk come here.")
        }
        self.answer(message, .nothingUndoable)
        return nil
    }

    private func hasRoom(_ message: ClientMessage) -> Bool {
        guard self.iterators.isFull else { return true }
        let sentence = "A client may have \(self.iterators.limit) iterators at once."
        self.fail(message, RemoteException("builtins.ValueError", .string(sentence)))
        return false
    }

    private func failWithKey(_ message: ClientMessage, _ number: Int) {
        self.fail(message, RemoteException("builtins.KeyError", .int(number)))
    }

    private func walked(
        _ message: ClientMessage,
        _ walk: StorageWalk,
        _ result: Result<WalkAnswer, any Error>
    ) {
        self.isWalking = false
        self.walkTask = nil
        defer {
            self.startWalks()
            self.flushUnlessReading()
        }
        guard !self.machine.isClosed else { return }
        // What is shown next must not be older than what others have been told meanwhile.
        self.catchUp()
        switch result {
        case .failure(let error):
            self.fail(message, (error as? RemoteException) ?? RemoteException(error, oid: walk.oid))
        case .success(let answer):
            switch answer.finding {
            case .reply, .record(_, .some):
                break
            case .transactions(let cursor):
                self.answer(message, .walk(self.iterators.add(cursor)))
            case .records(let cursor):
                self.answer(message, .walk(self.iterators.add(cursor)))
            case .transaction(let number, .some(let transaction)):
                self.iterators.met(transaction, by: number)
            case .transaction(let number, nil), .record(let number, nil):
                self.iterators.remove(number)
            }
            if let frame = answer.frame { self.answer(message, frame: frame) }
        }
    }

    /// The client is gone: nobody wants the walks any more.
    func abandonWalks() {
        self.walks = []
        self.walkTask?.cancel()
        self.iterators = IteratorTable(limit: self.iterators.limit)
    }
}
