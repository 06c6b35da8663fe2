//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Synchronization
import ZODBFormat

/// The vote that holds a storage's place, if it is prepared, until it is finished, given up, or the storage is closed; and
/// the transaction identifiers, of which it gets the next one.
///
/// Guarded by `state`: all of that.
final class PreparedVote: Sendable {
    /// What a vote holds ready for `finish(_:)`.
    struct Prepared: Sendable {
        var vote: VoteID
        var draft: CheckedDraft
        var companion: (any CommitCompanion)?
    }

    private struct State {
        var prepared: Prepared?
        var tids: TransactionIDSequence
        var isClosed = false
    }

    private let state: Mutex<State>

    /// Nothing is prepared, and `last` is the newest transaction.
    init(after last: TransactionID) {
        self.state = Mutex(State(tids: TransactionIDSequence(after: last)))
    }

    /// Throws `StorageError.closed` after `close()`.
    func checkOpen() throws {
        guard self.state.withLock({ !$0.isClosed }) else { throw StorageError.closed }
    }

    /// Throws `StorageError.invalidArgument` where a draft must have a tid that is not behind `newest`, the last one that
    /// was not refused. The sequence may have gone on since: with a refused transaction that comes again.
    func checkTransactionID(of draft: CheckedDraft, after newest: TransactionID) throws {
        guard let tid = draft.tid else { return }
        guard tid > newest, tid < .max else {
            throw StorageError(.invalidArgument, "the tid \(tid) cannot follow on \(newest)")
        }
        self.state.withLock { state in
            if tid <= state.tids.last { state.tids = TransactionIDSequence(after: newest) }
        }
    }

    /// Keeps what a vote has prepared.
    func hold(_ prepared: Prepared) throws {
        try self.state.withLock { state in
            guard !state.isClosed else { throw StorageError.closed }
            state.prepared = prepared
        }
    }

    /// The objects that a vote has merged; none where it is not held.
    func merged(by vote: VoteID) -> [ObjectID] {
        self.state.withLock { $0.prepared?.vote == vote ? $0.prepared?.draft.merged ?? [] : [] }
    }

    /// Takes what a vote has prepared, with the tid that it gets at a time since 1970 (UTC); `nil` where there is none left.
    func take(_ vote: VoteID, at timeSince1970: Duration) throws -> (tid: TransactionID?, prepared: Prepared) {
        try self.state.withLock { state in
            guard !state.isClosed else { throw StorageError.closed }
            guard let prepared = state.prepared, prepared.vote == vote else { throw StorageError.noSuchVote(vote) }
            state.prepared = nil
            return (state.tids.next(for: prepared.draft, at: timeSince1970), prepared)
        }
    }

    /// Forgets what a vote has prepared; false when it is not held.
    func drop(_ vote: VoteID) -> Bool {
        self.state.withLock { state in
            guard state.prepared?.vote == vote else { return false }
            state.prepared = nil
            return true
        }
    }

    /// Lets nothing be prepared or finished any more. Returns whether it is closed for the first time, and the vote that
    /// was held.
    func close() -> (isFirst: Bool, held: VoteID?) {
        self.state.withLock { state in
            defer {
                state.isClosed = true
                state.prepared = nil
            }
            return (!state.isClosed, state.prepared?.vote)
        }
    }
}
