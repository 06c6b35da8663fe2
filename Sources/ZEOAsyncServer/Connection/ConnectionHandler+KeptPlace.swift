//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import ZODBStorage

// The commit lock of a client that resolves conflicts is kept until it votes again, for a short time.
extension ConnectionHandler {
    /// A commit lock that may be kept for a transaction that was handed conflicts.
    struct KeptPlace {
        /// The transaction.
        let origin: UInt64
        let timeout: Scheduled<Void>
    }

    private var keepsPlace: Bool {
        let configuration = self.server.configuration
        return configuration.conflictResolution != .none && configuration.resolutionTime > .zero && self.mayKeepPlace
    }

    /// Says in a draft who resolves its conflicts.
    func prepareForConflicts(_ draft: inout TransactionDraft) {
        draft.mergesConflicts = self.server.configuration.conflictResolution != .client
        draft.keepsPlaceInConflict = self.keepsPlace
        self.keptPlace?.timeout.cancel()
    }

    /// Gives the client time to resolve the conflicts that it has been handed.
    func startResolution(_ attempt: Int) {
        guard let buffer = self.buffer, let served = self.registration?.served, let context = self.context else {
            return
        }
        // A vote that had the place already does not have it once more.
        let wasKept = self.keptPlace != nil
        self.keptPlace = nil
        guard self.keepsPlace, !wasKept else { return served.lock.released(by: buffer.origin) }
        let configuration = self.server.configuration
        let time = min(configuration.resolutionTime, configuration.transactionTimeout ?? configuration.resolutionTime)
        let timeout = context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(time)) {
            guard self.commit.isResolving(attempt: attempt) else { return }
            self.log(.info, "handed conflicts to the client and heard nothing for \(time); the next one may commit")
            // Until it has shown that it can do better it has to take its chance.
            self.mayKeepPlace = false
            self.yieldPlace()
        }
        self.keptPlace = KeptPlace(origin: buffer.origin, timeout: timeout)
        served.lock.acquired(by: buffer.origin)
    }

    /// Keeps the commit lock no longer, if it was kept.
    func yieldPlace() {
        guard let kept = self.keptPlace else { return }
        self.keptPlace = nil
        kept.timeout.cancel()
        self.registration?.served.lock.released(by: kept.origin)
        self.yieldPlace(of: kept.origin)
    }

    /// Keeps the commit lock for a transaction no longer, if it is kept.
    func yieldPlace(of origin: UInt64) {
        guard let served = self.registration?.served else { return }
        self.server.tasks.start { await served.storage.yieldPlace(of: origin) }
    }
}
