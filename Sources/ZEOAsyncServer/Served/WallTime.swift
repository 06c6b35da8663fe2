//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import FoundationEssentials

/// A time of the calendar, in seconds since 1970.
struct WallTime: Hashable, Sendable {
    var seconds: Double

    static var now: WallTime { WallTime(seconds: Date().timeIntervalSince1970) }

    /// The time as Python's `time.ctime()` writes it: `Sun Nov  2 15:04:05 2025`. In universal time.
    var ctime: String {
        let total = Int(self.seconds.rounded(.down))
        let (days, second) = total.quotientAndRemainder(dividingBy: 86_400)
        let (year, month, day) = Self.date(days: days)
        let weekday = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"][days % 7]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let clock = [second / 3600, second / 60 % 60, second % 60].map { $0 < 10 ? "0\($0)" : "\($0)" }
        return "\(weekday) \(months[month - 1]) \(day < 10 ? " " : "")\(day) \(clock.joined(separator: ":")) \(year)"
    }

    /// The date that lies a number of days after the beginning of 1970.
    private static func date(days: Int) -> (year: Int, month: Int, day: Int) {
        var year = 1970
        var rest = days
        while true {
            let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
            let length = isLeap ? 366 : 365
            guard rest >= length else {
                let lengths = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
                var month = 0
                while rest >= lengths[month] {
                    rest -= lengths[month]
                    month += 1
                }
                return (year, month + 1, rest + 1)
            }
            rest -= length
            year += 1
        }
    }
}
