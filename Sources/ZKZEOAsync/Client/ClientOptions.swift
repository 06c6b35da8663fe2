//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import Logging

/// How a client behaves. The names are those of Python's `ClientStorage`, the defaults too, where it has any.
public struct ClientOptions: Sendable {
    /// Which of the server's storages is meant.
    public var storage = "1"

    /// Whether the storage is opened for reading only; the server then refuses to let it commit.
    public var readOnly = false

    /// Whether opening waits until a server is known and connected. Otherwise it returns at once, and calls wait.
    ///
    /// An empty list of addresses is waited for without limit, a connection to one of them for `waitTimeout`.
    public var wait = true

    /// How long a call waits for a connection before it throws `StorageError.disconnected`.
    public var waitTimeout: Duration = .seconds(30)

    /// How long opening waits for ZooKeeper, whatever `wait` says, and how long connecting to one server may take.
    public var connectTimeout: Duration = .seconds(10)

    /// How much memory the records of recently used objects may take, in bytes.
    public var cacheSize = 20 * 1024 * 1024

    /// How often the server is asked for a sign of life. One that owes an answer for that long is given up.
    public var heartbeatInterval: Duration = .seconds(60)

    /// The largest message that is read, in bytes. A server that announces more is disconnected.
    public var maximumMessageSize = 256 * 1024 * 1024

    /// The session time-out that is asked of ZooKeeper.
    public var sessionTimeout: Duration = .seconds(10)

    /// Where the client says what becomes of its addresses and connections. People search their logs for the label
    /// `zc.zkzeo`, which Python's zc.zkzeo uses, too.
    public var logger = Logger(label: "zc.zkzeo")

    /// The defaults.
    public init() {}
}
