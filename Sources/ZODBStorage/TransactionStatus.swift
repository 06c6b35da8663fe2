//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// What became of a transaction in the history of its storage. The raw value is the byte in a data file and the
/// character in ZEO's messages.
public enum TransactionStatus: UInt8, Sendable {
    /// Committed.
    case committed = 0x20
    /// Committed, and gone through by a pack: it can not be undone any more.
    case packed = 0x70
}
