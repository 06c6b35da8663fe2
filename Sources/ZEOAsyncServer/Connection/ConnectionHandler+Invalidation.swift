//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import ZEOProtocol
import ZODBFormat
import ZODBStorage

// The order of what a client is shown.
//
// `seen` moves only here, on the event loop, as what the client must know about a transaction is written. The answer to
// the client's own `tpc_finish` is written here too, at its place in the order. So no answer shows a transaction before
// everything that the client must invalidate for it and its predecessors.
extension ConnectionHandler {
    /// The log has news.
    func wakeUp() {
        self.catchUp()
        self.flushUnlessReading()
    }

    /// Writes everything that was committed since the last time.
    func catchUp() {
        guard let registration = self.registration, !self.machine.isClosed,
            registration.served.log.last > registration.seen
        else { return }
        guard let messages = registration.served.log.messages(after: registration.seen, format: registration.format)
        else {
            self.log(.warning, "too far behind the storage's transactions")
            return self.close()
        }
        var seen = registration.seen
        var hasFinished = false
        for (transaction, frame) in messages {
            seen = transaction.tid
            if transaction.origin != 0, self.isFinishing(transaction.origin) {
                self.answerFinish(transaction.tid)
                hasFinished = true
            } else {
                self.write { $0.writeImmutableBuffer(frame) }
                registration.served.statistics.invalidations.increment()
            }
        }
        self.registration?.seen = seen
        registration.subscription.advance(to: seen)
        if hasFinished { self.resumePostponed() }
    }

    /// The storage cannot tell any more what has changed: the client has to find out by connecting again.
    func lostTrack() {
        self.log(.warning, "the storage has lost track of what was committed")
        self.close()
    }

    /// Tells the client how much the storage holds.
    func inform() {
        guard let registration = self.registration, !self.machine.isClosed else { return }
        self.inform(of: registration.served.currentStatistics)
        self.flushUnlessReading()
    }

    private func inform(of statistics: StorageStatistics) {
        self.callClient(.info(length: statistics.objectCount, size: statistics.byteCount))
    }

    /// Writes the answer to the client's own `tpc_finish`.
    private func answerFinish(_ tid: TransactionID) {
        guard let registration = self.registration, let id = self.commit.finished() else { return }
        self.inform(of: registration.served.currentStatistics)
        self.answer(id, .tid(tid))
        registration.served.statistics.commits.increment()
        self.forgetTransaction()
    }

    /// The storage says that a transaction is finished. Its place in the log is where the answer was written; only where
    /// the log does not know whose transaction it was is it written now.
    ///
    /// The client may have had its answer long ago and be finishing its next transaction, which is not meant.
    func finished(_ origin: UInt64, _ tid: TransactionID, in served: ServedStorage) {
        // A client that has gone away has committed nevertheless.
        guard self.registration != nil else { return served.statistics.commits.increment() }
        self.catchUp()
        if self.isFinishing(origin), let registration = self.registration, registration.seen >= tid {
            self.answerFinish(tid)
            self.resumePostponed()
        }
        self.flushUnlessReading()
    }

    /// Whether the client waits for the end of this very transaction.
    func isFinishing(_ origin: UInt64) -> Bool {
        self.commit.isFinishing && self.buffer?.origin == origin
    }
}
