//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Synchronization
import ZODBFormat

@testable import ZODBStorage

/// What a test has committed to a storage, and when it was told that it had.
final class CommitLedger: Sendable {
    /// A transaction that was committed, or is about to be.
    struct Commit {
        var tid: TransactionID
        var records: [ObjectID: ByteBuffer]
        /// The contents of the blobs among them.
        var blobs: [ObjectID: String]
        /// The number of the event by which the committer knew.
        var acknowledgement: Int
    }

    private struct State {
        var commits: [TransactionID: Commit] = [:]
        var packs: [(begin: Int, before: TransactionID)] = []
        var garbage: Set<ObjectID> = []
    }

    private let state = Mutex(State())

    var commits: [TransactionID: Commit] { self.state.withLock { $0.commits } }

    /// The objects that a pack removes.
    var garbage: Set<ObjectID> { self.state.withLock { $0.garbage } }

    func committed(_ commit: Commit) { self.state.withLock { $0.commits[commit.tid] = commit } }

    func madeGarbage(_ oid: ObjectID) { self.state.withLock { _ = $0.garbage.insert(oid) } }

    func packs(from event: Int, before tid: TransactionID) { self.state.withLock { $0.packs.append((event, tid)) } }

    /// The time to which packs may have removed revisions before an event.
    func packTime(before event: Int) -> TransactionID {
        self.state.withLock { state in state.packs.filter { $0.begin < event }.map(\.before).max() ?? .zero }
    }
}
