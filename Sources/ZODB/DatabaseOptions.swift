//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

public import Logging

/// How a database behaves. The names and the defaults are those of `<zodb>` in Python's configuration.
public struct DatabaseOptions: Sendable {
    /// The name of the database among others (`database-name`). Default: `unnamed`.
    public var name = "unnamed"

    /// How many connections are expected to be open at once (`pool-size`): a warning says when there are more, and an
    /// error when there are more than twice as many. So many at most wait for their next use, too. Default: 7.
    public var poolSize = 7

    /// How long a connection may wait for its next use before it is closed (`pool-timeout`); `nil` for ever, the default.
    public var poolTimeout: Duration?

    /// How many objects each connection keeps loaded though the program does not hold them (`cache-size`). Default: 400.
    public var cacheSize = 400

    /// How many bytes the records of these objects may have together (`cache-size-bytes`); 0, the default, for any number.
    public var cacheSizeBytes = 0

    /// How many connections to each moment of the past wait for their next use (`historical-pool-size`). Default: 3.
    public var historicalPoolSize = 3

    /// As `cacheSize`, for connections to the past (`historical-cache-size`). Default: 1000.
    public var historicalCacheSize = 1000

    /// As `cacheSizeBytes`, for connections to the past (`historical-cache-size-bytes`).
    public var historicalCacheSizeBytes = 0

    /// As `poolTimeout`, for connections to the past (`historical-timeout`). Default: five minutes.
    public var historicalTimeout: Duration? = .seconds(300)

    /// Records of more bytes than this are logged when they are stored (`large-record-size`). Default: 16 MiB.
    public var largeRecordSize = 1 << 24

    /// The Swift types that stand for Python classes. Default: none but those of this module.
    public var classes = PythonClasses()

    /// Says when there are too many connections, and when a record is large. Default: nobody hears it.
    public var logger = Logger(label: "ZODB", factory: { _ in SwiftLogNoOpLogHandler() })

    /// The documented defaults.
    public init() {}
}
