//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import ZEOProtocol

/// What a `ZEOServer` is told before it runs. The defaults are those of Python's server, except where it is said.
public struct ZEOServerConfiguration: Hashable, Sendable {
    /// Where a server listens.
    public enum Address: Hashable, Sendable {
        /// A TCP port; port 0 lets the system choose. An empty host means every interface.
        case hostname(String, port: Int)
        /// A socket in the file system. A socket that somebody left there is replaced.
        case unixDomainSocket(path: String)
    }

    /// Who resolves conflicts between transactions.
    ///
    /// The server merges what needs no class of the application: `BTrees.Length.Length`, and the buckets, sets and
    /// one-bucket trees of the BTrees package, by its rules. Python's server resolves with the application's classes where
    /// it can import them; none can run here, so that all other conflicts go to the clients, which have them.
    public enum ConflictResolution: Hashable, Sendable {
        /// Nothing was written down: the server merges what it can, and hands the rest to the client, which resolves it
        /// and votes again. Clients of ZEO 5 and 6 do so by themselves.
        case unset
        /// All conflicts go to the client (`client-conflict-resolution true`).
        case client
        /// The server merges what it can, and the rest are errors (`client-conflict-resolution false`).
        case none
    }

    /// Where to listen.
    public var address: Address

    /// Whether nobody may write, even to storages that could be written to.
    public var isReadOnly = false

    /// How many recent transactions are remembered for clients that come back after a short absence.
    public var invalidationQueueSize = 100

    /// For how long after its last transaction a client that comes back is told what changed even when the queue does
    /// not reach back that far; the storage is searched then. `nil` for never.
    public var invalidationAge: Duration?

    /// How long a client may hold the commit lock before it is cut off; `nil` for any time.
    public var transactionTimeout: Duration?

    /// Who resolves conflicts.
    public var conflictResolution: ConflictResolution = .unset

    /// How long the commit lock is kept for a client that was handed conflicts, so that it cannot lose again when it votes
    /// the next time. A client that lets it pass has no second one until it has committed something. Zero: the lock is not
    /// kept, as in Python's server, whose clients fail when they lose nine times.
    public var resolutionTime: Duration = .seconds(5)

    /// How to speak TLS; `nil` for not at all.
    public var tls: TLS?

    /// The format that the server proposes. A client may answer with the other one.
    public var wireFormat: WireFormat = .pickle

    /// The longest message in bytes that a client may send. Python's server has no limit.
    public var maximumFrameSize = 256 * 1024 * 1024

    /// How many bytes one transaction of a client may take: its records and metadata, and 128 for each object that is
    /// stored or checked. Python's server has no limit.
    public var maximumTransactionSize = 1024 * 1024 * 1024

    /// How many bytes of blobs a client may send in one transaction. They wait in files, beside those of the storage.
    /// Python's server has no limit.
    public var maximumUncommittedBlobSize = 256 * 1024 * 1024 * 1024

    /// The longest answer in bytes. A call whose answer would be longer fails. Python's server has no limit but that of the
    /// protocol, 4 GiB, which is also the default.
    public var maximumAnswerSize = SizedFrame.longestBody

    /// How many iterators a client may have at once. Python's server has no limit.
    public var maximumIteratorCount = 1000

    /// How many bytes may wait to be sent to a client that does not read, beside the longest message among them, before
    /// it is cut off. Python's server has no limit.
    public var maximumUnsentSize = 64 * 1024 * 1024

    /// How many event loops serve connections; `nil` for one per processor core.
    public var eventLoopCount: Int?

    /// The largest number of connections that may wait to be accepted.
    public var backlog: Int32 = 256

    /// After how much silence of the network a client is asked for a sign of life, and how long one is waited for
    /// before it counts as dead. Only for TCP, and only where the system can be told.
    public var keepAliveTime: Duration = .seconds(60)

    /// Where numbers go; `nil` for metrics of `MetricsSystem`, which are nothing until the program says otherwise.
    public var metrics: ZEOServerMetrics?

    /// A call that takes at least so long is logged when it is answered; `nil` for none. Waiting for other transactions
    /// counts.
    public var slowCallTime: Duration? = .seconds(5)

    /// A configuration with the defaults.
    public init(address: Address) {
        self.address = address
    }
}
