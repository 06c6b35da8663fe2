//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// The calendar time of a commit, in UTC, as a transaction identifier spells it.
///
/// Identifiers give every month 31 days, so that one may name a day that no calendar has.
public struct TransactionTime: Hashable, Sendable {
    /// The year, from 1900.
    public var year: Int
    /// The month, from 1 to 12.
    public var month: Int
    /// The day, from 1 to 31.
    public var day: Int
    /// The hour, from 0 to 23.
    public var hour: Int
    /// The minute, from 0 to 59.
    public var minute: Int
    /// The second with its fraction, from 0 to less than 60.
    public var second: Double

    /// A time in UTC.
    public init(year: Int, month: Int, day: Int, hour: Int = 0, minute: Int = 0, second: Double = 0) {
        self.year = year
        self.month = month
        self.day = day
        self.hour = hour
        self.minute = minute
        self.second = second
    }
}

extension TransactionTime {
    static let minutesPerDay = 1440

    /// How many days after 1 January 1970 the day is. Days that the calendar does not have run on into the next month.
    var daysSince1970: Int { CalendarDay(year: self.year, month: self.month, day: self.day).daysSince1970 }

    /// The beginning of a minute, counted from 1970. Years before 1900 are not needed.
    init(minutesSince1970 minutes: Int) {
        let epoch = CalendarDay.daysBefore1970
        let (day, minute) = (minutes + epoch * Self.minutesPerDay).quotientAndRemainder(dividingBy: Self.minutesPerDay)
        let date = CalendarDay(daysSince1970: day - epoch)
        self.init(year: date.year, month: date.month, day: date.day, hour: minute / 60, minute: minute % 60)
    }

    /// Whether the calendar has this day.
    var isInCalendar: Bool {
        guard (1...12).contains(self.month), self.day >= 1 else { return false }
        let next = TransactionTime(year: self.year + self.month / 12, month: self.month % 12 + 1, day: 1)
        return self.daysSince1970 < next.daysSince1970
    }
}
