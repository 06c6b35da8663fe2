//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// What happens to a session as a whole.
public enum SessionEvent: Hashable, Sendable {
    /// There is a connection. The number names the session; another number than before means that the old session, its
    /// ephemeral nodes and its watches are gone.
    case connected(sessionID: Int64)
    /// The connection broke. The session may well live on: ephemeral nodes still exist, and watches are set again.
    case suspended
    /// The session is over; a new one is under way.
    case expired
    /// `run()` ends. Nothing follows.
    case closed
}
