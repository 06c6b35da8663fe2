//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// Gives every transaction of a storage its identifier: the time of its commit, or the next later identifier where the
/// clock has not moved on or has stepped back.
public struct TransactionIDSequence: Hashable, Sendable {
    /// The identifier that was given last.
    public private(set) var last: TransactionID

    /// A sequence that goes on behind `last`.
    public init(after last: TransactionID) {
        self.last = last
    }

    /// The identifier of a transaction that commits at a time since 1970 (UTC); `nil` when it would not be smaller than
    /// `TransactionID.max`, so that no load could be before it.
    public mutating func next(at timeSince1970: Duration) -> TransactionID? {
        let next = TransactionID(timeSince1970: timeSince1970).later(than: self.last)
        guard next > self.last, next < .max else { return nil }
        self.last = next
        return next
    }

    /// Goes on behind `tid`, which a transaction has from elsewhere; false when it would not be behind the last one.
    public mutating func advance(to tid: TransactionID) -> Bool {
        guard tid > self.last, tid < .max else { return false }
        self.last = tid
        return true
    }
}
