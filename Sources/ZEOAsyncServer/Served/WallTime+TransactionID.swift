//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ZODBFormat

extension WallTime {
    /// The time at which a transaction was committed, as its tid says: minutes since 1900, with months of 31 days, and
    /// a fraction of a minute.
    init(_ tid: TransactionID) {
        var minutes = Int(tid.rawValue >> 32)
        func next(_ divisor: Int) -> Int {
            defer { minutes /= divisor }
            return minutes % divisor
        }
        let minute = next(60)
        let hour = next(24)
        let day = next(31) + 1
        let month = next(12) + 1
        let year = minutes + 1900
        let second = Double(tid.rawValue & 0xffff_ffff) * 60 / 4_294_967_296
        let days = Self.days(year: year, month: month, day: day)
        self.init(seconds: Double(((days * 24 + hour) * 60 + minute) * 60) + second)
    }

    /// The days from the beginning of 1970 to a date: years that begin in March put the leap day at the end.
    private static func days(year: Int, month: Int, day: Int) -> Int {
        let year = month > 2 ? year : year - 1
        let monthsSinceMarch = (month + 9) % 12
        let dayOfYear = (153 * monthsSinceMarch + 2) / 5 + day - 1
        return year * 365 + year / 4 - year / 100 + year / 400 + dayOfYear - 719_468
    }
}
