//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// What can be said of one client, for operators.
struct ConnectionReport: Sendable {
    /// What a client's transaction is about to do.
    enum Transaction: String, Sendable {
        /// There is none.
        case none = "-"
        /// The client says what it wants to write.
        case collecting
        /// Is checked, or waits for the commit lock.
        case voting
        /// Holds the commit lock.
        case locked
        /// Is being written.
        case finishing
    }

    /// How the log calls the client.
    var label: String
    /// The storage that it has chosen, if it has.
    var storage: String?
    var isReadOnly: Bool
    var transaction: Transaction
    /// The number of objects that the transaction stores, and their size.
    var storeCount = 0
    var byteCount = 0
    /// When the client connected.
    var since: WallTime
}

extension ConnectionHandler {
    /// What there is to say of the client now. On the connection's event loop.
    func report(since: WallTime) -> ConnectionReport {
        let transaction: ConnectionReport.Transaction =
            if self.commit.isFinishing {
                .finishing
            } else if self.commit.isPrepared {
                .locked
            } else if self.vote != nil {
                .voting
            } else {
                self.commit.isIdle ? .none : .collecting
            }
        return ConnectionReport(
            label: self.label,
            storage: self.registration?.served.name,
            isReadOnly: self.commit.isReadOnly,
            transaction: transaction,
            storeCount: self.buffer?.storeCount ?? 0,
            byteCount: self.buffer?.byteCount ?? 0,
            since: since
        )
    }
}
