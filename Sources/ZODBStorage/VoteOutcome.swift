//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// How a vote ended.
public enum VoteOutcome: Sendable {
    /// The transaction can be finished.
    case prepared(VoteID)
    /// Objects have newer revisions than the ones that the transaction started from. Nothing is held, unless the
    /// draft asked for its place to be kept.
    case conflicts([ObjectConflict])
}
