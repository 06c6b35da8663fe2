//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ZODBFormat

/// Gives every transaction of a storage its tid: the time of its commit, or the next larger tid where the clock has
/// not moved on.
struct TransactionIDSequence: Sendable {
    /// The tid that was given last.
    private(set) var last: TransactionID

    /// A sequence that goes on behind `last`.
    init(after last: TransactionID) {
        self.last = last
    }

    /// The tid of a transaction that commits at `time`, counted from 1970 in UTC.
    mutating func next(at time: Duration) -> TransactionID {
        self.last = max(Self.timeStamp(of: time), self.last.successor)
        return self.last
    }

    private static func timeStamp(of time: Duration) -> TransactionID {
        let (seconds, attoseconds) = time.components
        let days = Int(seconds / 86_400)
        let second = Int(seconds % 86_400)
        // Days are counted from 1 March of year 0, in eras of 400 years: leap days then fall on the ends of years.
        let shifted = days + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shiftedMonth + 2) / 5
        let month = (shiftedMonth + 2) % 12
        let year = yearOfEra + era * 400 + (month < 2 ? 1 : 0)
        let minutes = ((((year - 1900) * 12 + month) * 31 + day) * 24 + second / 3600) * 60 + second / 60 % 60
        let fraction = (Double(second % 60) + Double(attoseconds) / 1e18) / 60
        return TransactionID(rawValue: UInt64(minutes) << 32 | UInt64(fraction * 4_294_967_296))
    }
}
