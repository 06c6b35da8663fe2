//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import Logging

/// How a client behaves. The names are those of Python's `ClientStorage`, the defaults too, where it has any.
public struct ClientOptions: Sendable {
    /// Which of the server's storages is meant.
    public var storage = "1"

    /// What the storage calls itself. Without a name it calls itself as the server calls it.
    public var name: String?

    /// Whether the storage is opened for reading only; the server then refuses to let it commit.
    public var readOnly = false

    /// Whether a server that can only be read is good enough as long as there is no other. The client moves by itself to
    /// one that can be written to when there is one. Without effect when `readOnly` is set.
    public var readOnlyFallback = false

    /// Whether `synchronize()`, and with it the beginning of each transaction, asks the server for what has been committed
    /// until then. Otherwise a transaction begins at once, and sees what the server has told the client so far.
    public var serverSync = false

    /// What the server's log calls this client, beside its address.
    public var clientLabel: String?

    /// How TLS is spoken; `nil` speaks without.
    public var tls: TLS?

    /// Whether opening waits until a server is known and connected. Otherwise it returns at once, and calls wait.
    ///
    /// An empty list of addresses is waited for without limit, a connection to one of them for `waitTimeout`.
    public var wait = true

    /// How long a call waits for a connection before it throws `StorageError.disconnected`.
    public var waitTimeout: Duration = .seconds(30)

    /// How long opening waits for ZooKeeper, whatever `wait` says, and how long connecting to one server may take.
    public var connectTimeout: Duration = .seconds(10)

    /// How long the client waits between rounds of attempts to connect.
    public var reconnectDelay = ReconnectDelay()

    /// The shortest and the longest wait between rounds of attempts to connect. Each is twice the one before, and made
    /// shorter by up to a half at random. A change of the addresses ends a wait at once.
    public struct ReconnectDelay: Hashable, Sendable {
        /// The wait after the first failure.
        public var first: Duration = .milliseconds(100)
        /// The longest wait.
        public var limit: Duration = .seconds(5)

        /// The defaults.
        public init() {}
    }

    /// What becomes of an address that ZooKeeper no longer knows.
    public var removedAddresses = RemovedAddresses.keptForSessionTimeout

    /// What becomes of an address that ZooKeeper no longer knows.
    public enum RemovedAddresses: Hashable, Sendable {
        /// It is used for another `sessionTimeout`, because a server that has lost its session is registered again soon;
        /// then the client moves to a server that is registered, if there is one. A connection that works is never given
        /// up for nothing.
        case keptForSessionTimeout
        /// The same for another time.
        case kept(for: Duration)
        /// No attempt is made at it any more, and a connection is kept as long as it works: what zc.zkzeo does.
        case forgotten
    }

    /// How long removed addresses are kept; `nil` for not at all.
    var removalGrace: Duration? {
        switch self.removedAddresses {
        case .keptForSessionTimeout: self.sessionTimeout
        case .kept(let time): time
        case .forgotten: nil
        }
    }

    /// How much memory the records of recently used objects may take, in bytes.
    public var cacheSize = 20 * 1024 * 1024

    /// The folder of a cache of records on disk, which makes the next start quick. It is made where it is missing, and one
    /// client at a time may use it. `nil` for a cache in memory alone.
    public var cachePath: String?

    /// The folder with the files of blobs: a cache that other clients, Python's too, may share; or, with
    /// `sharedBlobDirectory`, the server's own. `nil` where blobs are not used.
    public var blobDirectory: String?

    /// Whether `blobDirectory` is the directory in which the server keeps its blobs, on a file system that both see.
    public var sharedBlobDirectory = false

    /// How many bytes the files in a cache of blobs may take, more or less; those not used for longest are removed. `nil`
    /// for no limit.
    public var blobCacheSize: Int?

    /// How much may be added to the cache of blobs before its size is looked at, in percent of `blobCacheSize`. So much
    /// room is made, too.
    public var blobCacheSizeCheck = 10

    /// How often the server is asked for a sign of life. One that owes an answer for that long is given up.
    public var heartbeatInterval: Duration = .seconds(60)

    /// The largest message that is read, in bytes. A server that announces more is disconnected.
    public var maximumMessageSize = 256 * 1024 * 1024

    /// The session time-out that is asked of ZooKeeper.
    public var sessionTimeout: Duration = .seconds(10)

    /// What is counted and measured, and where the numbers go.
    public var metrics = ClientMetrics()

    /// Where the client says what becomes of its addresses and connections. People search their logs for the label
    /// `zc.zkzeo`, which Python's zc.zkzeo uses, too.
    public var logger = Logger(label: "zc.zkzeo")

    /// The defaults.
    public init() {}
}
