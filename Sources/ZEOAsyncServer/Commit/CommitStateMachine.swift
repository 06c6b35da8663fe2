//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ZEOProtocol
import ZODBStorage

/// Where one client's transaction stands.
///
/// The connection's handler drives it, on its event loop; it performs what is answered. A client has one transaction at
/// a time: it is collected, votes (and waits for the commit lock while doing so), holds the lock, and is finished or
/// aborted. A vote that ends in conflicts goes back to collecting. Attempts are numbered, so that the end of a vote that
/// was given up in the meantime is recognised.
struct CommitStateMachine {
    private enum State {
        /// No transaction. Next: `collecting`.
        case idle
        /// The client says what it wants to write. Next: `voting`, `idle`.
        case collecting(TransactionToken)
        /// The storage checks, or waits for other transactions first. Next: `prepared`, `collecting`, `idle`.
        case voting(TransactionToken)
        /// The storage holds the commit lock for it. Next: `finishing`, `idle`.
        case prepared(TransactionToken, VoteID)
        /// The storage writes it. Nothing stops it any more. Next: `idle`.
        case finishing(MessageID)
    }

    /// Why a call about a transaction fails.
    enum Failure: Hashable, Sendable {
        /// Nothing may be written.
        case readOnly
        /// There is no transaction.
        case noTransaction(given: TransactionToken)
        /// The transaction is another one.
        case wrongTransaction(current: TransactionToken, given: TransactionToken)
        /// A transaction was begun within another one.
        case multipleTransactions
        /// The transaction votes already.
        case alreadyVoting
        /// The transaction holds the commit lock already.
        case alreadyPrepared
        /// The transaction was to be finished without a vote.
        case notPrepared
    }

    enum BeginAction: Hashable { case begin, ignoreDuplicate, postpone, fail(Failure) }
    enum AddAction: Hashable { case add, postpone, fail(Failure) }
    enum VoteAction: Hashable { case vote(attempt: Int), postpone, fail(Failure) }
    enum FinishAction: Hashable { case finish(VoteID), answerNone, postpone, fail(Failure) }

    enum AbortAction: Hashable {
        case answerNone, postpone
        case fail(Failure)
        case discard
        case cancelVote
        case abort(VoteID)
    }

    enum DisconnectAction: Hashable {
        case none
        case discard
        case cancelVote
        case abort(VoteID)
        case letFinish
    }

    private var state = State.idle
    private var attempt = 0

    /// Whether the client may write at all.
    var isReadOnly: Bool

    init(isReadOnly: Bool) {
        self.isReadOnly = isReadOnly
    }

    var isIdle: Bool {
        if case .idle = self.state { return true }
        return false
    }

    var isFinishing: Bool {
        if case .finishing = self.state { return true }
        return false
    }

    /// Whether the commit lock is held.
    var isPrepared: Bool {
        switch self.state {
        case .prepared, .finishing: true
        case .idle, .collecting, .voting: false
        }
    }

    mutating func begin(_ token: TransactionToken) -> BeginAction {
        if self.isReadOnly { return .fail(.readOnly) }
        switch self.state {
        case .finishing:
            return .postpone
        case .idle:
            self.state = .collecting(token)
            return .begin
        case .collecting(let current), .voting(let current), .prepared(let current, _):
            return current == token ? .ignoreDuplicate : .fail(.multipleTransactions)
        }
    }

    /// The client stores or checks something.
    func add(_ token: TransactionToken) -> AddAction {
        if let failure = self.check(token) { return .fail(failure) }
        switch self.state {
        case .idle, .collecting: return .add
        case .voting: return .fail(.alreadyVoting)
        case .prepared: return .fail(.alreadyPrepared)
        case .finishing: return .postpone
        }
    }

    mutating func vote(_ token: TransactionToken) -> VoteAction {
        if let failure = self.check(token) { return .fail(failure) }
        switch self.state {
        case .idle, .collecting:
            self.attempt += 1
            self.state = .voting(token)
            return .vote(attempt: self.attempt)
        case .voting: return .fail(.alreadyVoting)
        case .prepared: return .fail(.alreadyPrepared)
        case .finishing: return .postpone
        }
    }

    /// The storage holds the lock. `false` when that vote was given up in the meantime.
    mutating func prepared(_ vote: VoteID, attempt: Int) -> Bool {
        guard case .voting(let token) = self.state, attempt == self.attempt else { return false }
        self.state = .prepared(token, vote)
        return true
    }

    /// The vote ended in conflicts that the client shall resolve. `false` when that vote was given up in the meantime.
    mutating func conflicted(attempt: Int) -> Bool {
        guard case .voting(let token) = self.state, attempt == self.attempt else { return false }
        self.state = .collecting(token)
        return true
    }

    /// The vote failed, and the transaction is over. `false` when that vote was given up in the meantime.
    mutating func voteFailed(attempt: Int) -> Bool {
        guard case .voting = self.state, attempt == self.attempt else { return false }
        self.state = .idle
        return true
    }

    mutating func finish(_ token: TransactionToken, id: MessageID) -> FinishAction {
        switch self.check(token) {
        case .some(.noTransaction), .some(.wrongTransaction): return .answerNone
        case .some(let failure): return .fail(failure)
        case .none: break
        }
        switch self.state {
        case .idle, .collecting, .voting: return .fail(.notPrepared)
        case .finishing: return .postpone
        case .prepared(_, let vote):
            self.state = .finishing(id)
            return .finish(vote)
        }
    }

    /// The transaction is visible, or its finish failed: it is over either way. The call that has to be answered;
    /// `nil` when it has been.
    mutating func finished() -> MessageID? {
        guard case .finishing(let id) = self.state else { return nil }
        self.state = .idle
        return id
    }

    mutating func abort(_ token: TransactionToken) -> AbortAction {
        switch self.check(token) {
        case .some(.noTransaction), .some(.wrongTransaction): return .answerNone
        case .some(let failure): return .fail(failure)
        case .none: break
        }
        switch self.state {
        case .finishing:
            return .postpone
        case .idle, .collecting:
            self.state = .idle
            return .discard
        case .voting:
            self.state = .idle
            return .cancelVote
        case .prepared(_, let vote):
            self.state = .idle
            return .abort(vote)
        }
    }

    /// The lock has been held for too long since it was got by `attempt`. `false` when that is not so any more.
    func timedOut(attempt: Int) -> Bool {
        guard case .prepared = self.state else { return false }
        return attempt == self.attempt
    }

    /// Whether the client has not voted again since `attempt` ended in conflicts that it shall resolve.
    func isResolving(attempt: Int) -> Bool {
        guard case .collecting = self.state else { return false }
        return attempt == self.attempt
    }

    mutating func disconnected() -> DisconnectAction {
        defer { if !self.isFinishing { self.state = .idle } }
        switch self.state {
        case .idle: return .none
        case .collecting: return .discard
        case .voting: return .cancelVote
        case .prepared(_, let vote): return .abort(vote)
        case .finishing: return .letFinish
        }
    }

    /// Whether a client may speak of a transaction under this name; while one is finished that is not known yet.
    private func check(_ token: TransactionToken) -> Failure? {
        if self.isReadOnly { return .readOnly }
        switch self.state {
        case .idle:
            return .noTransaction(given: token)
        case .finishing:
            return nil
        case .collecting(let current), .voting(let current), .prepared(let current, _):
            return current == token ? nil : .wrongTransaction(current: current, given: token)
        }
    }
}
