//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import ZEOProtocol
import ZODBFormat
import ZODBStorage

// Transactions: does what the commit state machine decides.
extension ConnectionHandler {
    func performTransactionCall(_ message: ClientMessage) {
        switch message.call {
        case .begin(let beginning): self.begin(message, beginning)
        case .store(let oid, let serial, let data, let token):
            self.add(message, token) { buffer, _ in buffer.store(oid, serial: serial, data: data) }
        case .storeBlobEnd(let oid, let serial, let data, let token):
            self.storeBlobEnd(message, oid, serial, data, token)
        case .storeBlobShared(let oid, let serial, let data, let filename, let token):
            self.storeBlobShared(message, oid, serial, data, filename, token)
        case .restore(let oid, let serial, let data, let earlier, let token):
            self.add(message, token) { buffer, _ in
                buffer.restore(oid, serial: serial, data: data, dataTransaction: earlier)
            }
        case .delete(let oid, let serial, let token):
            self.add(message, token) { buffer, _ in buffer.delete(oid, serial: serial) }
        case .undo(let tid, let token):
            self.add(message, token) { buffer, _ in buffer.undo(tid) }
        case .checkCurrent(let oid, let serial, let token):
            self.add(message, token) { buffer, _ in buffer.check(oid, serial: serial) }
        case .vote(let token): self.vote(message, token)
        case .finish(let token): self.finish(message, token)
        case .abort(let token): self.abort(message, token)
        default: preconditionFailure("Only calls about transactions come here.")
        }
    }

    private func begin(_ message: ClientMessage, _ beginning: TransactionBeginning) {
        guard let status = TransactionStatus(beginning) else {
            let sentence = "no transaction has the status '\(beginning.status)'"
            return self.fail(message, RemoteException("builtins.ValueError", .string(sentence)))
        }
        switch self.commit.begin(beginning.token) {
        case .begin:
            self.buffer = TransactionBuffer(beginning, status: status, origin: self.server.nextOrigin())
            self.registration?.served.statistics.activeTransactions.increment()
            self.answer(message, .none)
        case .ignoreDuplicate:
            self.log(.info, "duplicate tpc_begin")
            self.answer(message, .none)
        case .postpone:
            self.postpone(message)
        case .fail(let failure):
            self.fail(message, RemoteException(failure))
        }
    }

    /// Has the transaction want one thing more, or fails the call when `change` says why it cannot.
    func add(
        _ message: ClientMessage,
        _ token: TransactionToken,
        _ change: (inout TransactionBuffer, ConnectionHandler) throws(RemoteException) -> Void
    ) {
        switch self.commit.add(token) {
        case .add:
            guard var buffer = self.buffer else { preconditionFailure("A transaction that collects has a buffer.") }
            self.buffer = nil
            let result = Result { () throws(RemoteException) in try change(&buffer, self) }
            self.buffer = buffer
            if case .failure(let exception) = result { return self.fail(message, exception) }
            if message.call.isCountedStore { self.registration?.served.statistics.stores.increment() }
            guard buffer.memorySize <= self.server.configuration.maximumTransactionSize else {
                self.log(.error, "transaction too large: more than \(buffer.memorySize) bytes")
                return self.close()
            }
            self.answer(message, .none)
        case .postpone:
            self.postpone(message)
        case .fail(let failure):
            self.warn(message, failure)
            self.fail(message, RemoteException(failure))
        }
    }

    // MARK: Voting

    private func vote(_ message: ClientMessage, _ token: TransactionToken) {
        switch self.commit.vote(token) {
        case .vote(let attempt): self.startVote(message, attempt)
        case .postpone: self.postpone(message)
        case .fail(let failure):
            self.warn(message, failure)
            self.fail(message, RemoteException(failure))
        }
    }

    private func startVote(_ message: ClientMessage, _ attempt: Int) {
        guard let buffer = self.buffer, let served = self.registration?.served else { return }
        self.log(
            .trace,
            "Preparing to commit transaction: \(buffer.storeCount) objects, \(buffer.byteCount) bytes"
        )
        served.statistics.voting.increment()
        served.lock.requested(by: buffer.origin)
        if served.lock.since != nil { self.logWaiting("queue lock") }
        let ticket = VoteTicket()
        var draft = buffer.makeDraft()
        self.prepareForConflicts(&draft)
        let blobs = self.uploads?.written()
        let bound = self.bound
        let task = self.server.tasks.start { [draft] in
            let result: Result<VoteOutcome, any Error>
            var merged: [ObjectID] = []
            do {
                try await blobs?.get()
                let outcome = try await served.storage.vote(draft)
                switch outcome {
                case .prepared(let vote):
                    if ticket.deliver(vote) {
                        merged = await served.storage.mergedObjects(of: vote)
                    } else {
                        await served.storage.abort(vote)
                    }
                case .conflicts:
                    // Whoever gives up the vote after this finds the place kept, and yields it himself.
                    if ticket.isCancelled { await served.storage.yieldPlace(of: draft.origin) }
                }
                result = .success(outcome)
            } catch {
                result = .failure(error)
            }
            served.statistics.voting.decrement()
            bound.execute { [merged] in $0.voted(message, attempt, result, merged) }
        }
        self.vote = Vote(attempt: attempt, ticket: ticket, task: task)
    }

    private func voted(
        _ message: ClientMessage,
        _ attempt: Int,
        _ result: Result<VoteOutcome, any Error>,
        _ merged: [ObjectID]
    ) {
        defer {
            // A vote that was given up has no answer.
            self.clock.forget(message.id)
            self.flushUnlessReading()
        }
        // A conflict names a revision that the client will load next; it is to be one that the client has heard of.
        self.catchUp()
        switch result {
        case .success(.prepared(let vote)):
            guard self.commit.prepared(vote, attempt: attempt), let buffer = self.buffer else { return }
            self.registration?.served.lock.acquired(by: buffer.origin)
            self.logWaiting("lock")
            self.startTimeout(attempt)
            for oid in merged where buffer.stores(oid) {
                self.registration?.served.statistics.mergedConflicts.increment()
            }
            self.answer(message, .vote(merged.map { .resolved($0) }))
        case .success(.conflicts(let conflicts)):
            self.voted(message, attempt, conflicts)
        case .failure(let error):
            guard self.commit.voteFailed(attempt: attempt) else { return }
            let exception = RemoteException(error)
            if exception.serials != nil { self.registration?.served.statistics.conflicts.increment() }
            self.forgetTransaction()
            self.fail(message, exception)
        }
    }

    private func voted(_ message: ClientMessage, _ attempt: Int, _ conflicts: [ObjectConflict]) {
        guard self.server.configuration.conflictResolution == .none, let first = conflicts.first else {
            guard self.commit.conflicted(attempt: attempt) else { return }
            self.vote = nil
            self.startResolution(attempt)
            let items = conflicts.map { conflict in
                VoteItem.conflict(
                    ConflictReport(
                        oid: conflict.oid,
                        committed: conflict.committed,
                        read: conflict.read,
                        data: conflict.data
                    )
                )
            }
            return self.answer(message, .vote(items))
        }
        guard self.commit.voteFailed(attempt: attempt) else { return }
        self.registration?.served.statistics.conflicts.increment()
        self.forgetTransaction()
        self.fail(message, RemoteException(first))
    }

    private func startTimeout(_ attempt: Int) {
        guard let timeout = self.server.configuration.transactionTimeout, let context = self.context else { return }
        let amount = TimeAmount(timeout)
        let scheduled = context.eventLoop.assumeIsolated().scheduleTask(in: amount) {
            guard self.commit.timedOut(attempt: attempt) else { return }
            self.log(.critical, "Transaction timeout after \(Self.seconds(timeout)) seconds")
            self.close()
        }
        self.vote?.timeout = scheduled
    }

    // MARK: The end

    private func finish(_ message: ClientMessage, _ token: TransactionToken) {
        // Where nobody waits for the answer its identity is never written: there is no way to finish asynchronously.
        guard !message.isAsynchronous else {
            return self.fail(message, RemoteException("builtins.TypeError", .string("tpc_finish has a result")))
        }
        switch self.commit.finish(token, id: message.id) {
        case .finish(let vote):
            guard let served = self.registration?.served, let origin = self.buffer?.origin else { return }
            self.vote?.timeout?.cancel()
            self.mayKeepPlace = true
            let bound = self.bound
            self.server.tasks.start {
                do {
                    let tid = try await served.storage.finish(vote)
                    if served.local == nil { try? await served.refreshStatistics() }
                    bound.execute { $0.finished(origin, tid, in: served) }
                } catch {
                    bound.execute { $0.finishFailed(origin, error) }
                }
            }
        case .answerNone: self.answer(message, .none)
        case .postpone: self.postpone(message)
        case .fail(let failure): self.fail(message, RemoteException(failure))
        }
    }

    private func finishFailed(_ origin: UInt64, _ error: any Error) {
        guard self.isFinishing(origin), let id = self.commit.finished() else { return }
        self.forgetTransaction()
        let exception = RemoteException(error)
        self.log(.error, "'tpc_finish' raised exception: \(exception)")
        self.answer(id, .exception(exception))
        self.resumePostponed()
        self.flushUnlessReading()
    }

    private func abort(_ message: ClientMessage, _ token: TransactionToken) {
        switch self.commit.abort(token) {
        case .answerNone:
            self.answer(message, .none)
        case .postpone:
            self.postpone(message)
        case .fail(let failure):
            self.fail(message, RemoteException(failure))
        case .discard:
            self.giveUp(.none)
            self.answer(message, .none)
        case .cancelVote:
            self.giveUp(self.cancelVote())
            self.answer(message, .none)
        case .abort(let vote):
            self.giveUp(vote)
            self.answer(message, .none)
        }
    }

    /// The client is gone, or will be: a transaction that is not being finished is aborted.
    func disconnected() {
        let isLocked = self.commit.isPrepared
        let action = self.commit.disconnected()
        switch action {
        case .none:
            // Monitors come and go all the time.
            self.log(self.registration == nil ? .debug : .info, "disconnected")
            return
        case .discard:
            self.giveUp(.none)
        case .cancelVote:
            self.giveUp(self.cancelVote())
        case .abort(let vote):
            self.giveUp(vote)
        case .letFinish:
            self.forgetTransaction()
        }
        self.log(.info, "disconnected during \(isLocked ? "locked" : "unlocked") transaction")
    }

    /// Stops a vote that is under way; the lock that it got in the same moment, if it did.
    private func cancelVote() -> VoteID? {
        // First of all: a vote that ends from here on sees that nobody wants its place, and gives it back by itself.
        let prepared = self.vote?.ticket.cancel()
        self.vote?.task.cancel()
        // It may be kept already for a vote whose end has not been heard of.
        if let buffer = self.buffer { self.yieldPlace(of: buffer.origin) }
        return prepared
    }

    /// Ends a transaction without writing it, and gives back the lock where it is held.
    private func giveUp(_ vote: VoteID?) {
        guard let served = self.registration?.served else { return }
        served.statistics.aborts.increment()
        if let vote { self.server.tasks.start { await served.storage.abort(vote) } }
        self.forgetTransaction()
    }

    /// Forgets everything about a transaction that is over.
    func forgetTransaction() {
        guard let buffer = self.buffer else { return }
        self.buffer = nil
        self.uploads?.transactionEnded()
        self.vote?.timeout?.cancel()
        self.vote = nil
        self.yieldPlace()
        guard let served = self.registration?.served else { return }
        served.lock.released(by: buffer.origin)
        served.statistics.activeTransactions.decrement()
    }

    // MARK: The log

    private func warn(_ message: ClientMessage, _ failure: CommitStateMachine.Failure) {
        switch failure {
        case .noTransaction:
            self.log(.warning, "no current transaction: \(message.call.method)()")
        case .wrongTransaction(let current, let given):
            self.log(
                .warning,
                "\(message.call.method)(\(given.value)) invalid; current transaction = \(current.value)"
            )
        default:
            break
        }
    }

    /// Whole seconds without a fraction, as Python writes the numbers of a configuration.
    private static func seconds(_ duration: Duration) -> String {
        let seconds = duration / .seconds(1)
        return Int(exactly: seconds).map { String($0) } ?? String(seconds)
    }

    private func logWaiting(_ what: String) {
        guard let served = self.registration?.served else { return }
        let waiting = max(served.statistics.voting.value - (what == "queue lock" ? 0 : 1), 0)
        let level: Logger.Level = waiting > 9 ? .critical : waiting > 3 ? .warning : .debug
        self.log(level, "('\(served.name)') \(what): transactions waiting: \(waiting)")
    }
}

extension TransactionStatus {
    /// The status that a transaction shall have; `nil` for one that there is not.
    fileprivate init?(_ beginning: TransactionBeginning) {
        let letters = Array(beginning.status.utf8)
        guard letters.count == 1 else { return nil }
        self.init(rawValue: letters[0])
    }
}

extension ServerCall {
    /// Whether Python's server counts the call among the stores.
    fileprivate var isCountedStore: Bool {
        switch self {
        case .store, .restore, .delete: true
        default: false
        }
    }
}
