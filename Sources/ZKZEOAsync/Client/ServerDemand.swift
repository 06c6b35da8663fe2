//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// What a server must be for a client to take it.
enum ServerDemand: Hashable, Sendable {
    /// As the client's options say.
    case asWished
    /// It must take the client for writing, though the options are content with less.
    case writable
}
