//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
public import ZODBFormat

/// A day of the calendar: Python's `datetime.date`.
public struct PythonDate: Hashable, Sendable {
    /// The year, from 1 to 9999.
    public var year: Int
    /// The month, from 1 to 12.
    public var month: Int
    /// The day of the month.
    public var day: Int

    /// A day of the calendar. That there is one is not checked.
    public init(year: Int, month: Int, day: Int) {
        (self.year, self.month, self.day) = (year, month, day)
    }
}

/// A time of the day: Python's `datetime.time` without its zone.
public struct PythonTime: Hashable, Sendable {
    /// The hour, from 0 to 23.
    public var hour: Int
    /// The minute, from 0 to 59.
    public var minute: Int
    /// The second, from 0 to 59.
    public var second: Int
    /// Millionths of a second.
    public var microsecond: Int
    /// Whether this is the second of two equal times, where a clock was put back.
    public var isFold = false

    /// A time of the day.
    public init(hour: Int, minute: Int = 0, second: Int = 0, microsecond: Int = 0) {
        (self.hour, self.minute, self.second, self.microsecond) = (hour, minute, second, microsecond)
    }
}

/// A length of time: Python's `datetime.timedelta`.
public struct PythonTimeDelta: Hashable, Sendable {
    /// The length in microseconds.
    public var microseconds: Int

    /// So many microseconds.
    public init(microseconds: Int) {
        self.microseconds = microseconds
    }
}

/// The zone of a time.
public enum PythonTimeZone: Hashable, Sendable {
    /// None is said: the time of wherever the program runs.
    case unknown
    /// So far east of UTC: Python's `datetime.timezone`.
    case offset(PythonTimeDelta)
    /// Another object that knows the rules of a zone, as the pickle describes it.
    case rules(PickleValue)

    /// Coordinated universal time.
    public static let utc = PythonTimeZone.offset(PythonTimeDelta(microseconds: 0))
}

/// A moment as a calendar and a clock show it: Python's `datetime.datetime`.
public struct PythonDateTime: Hashable, Sendable {
    /// The day.
    public var date: PythonDate
    /// The time of the day.
    public var time: PythonTime
    /// Where the clock hangs.
    public var zone: PythonTimeZone

    /// A moment as a calendar and a clock show it.
    public init(_ date: PythonDate, _ time: PythonTime, zone: PythonTimeZone = .unknown) {
        (self.date, self.time, self.zone) = (date, time, zone)
    }

    /// The moment in microseconds since 1970 in UTC. Where no zone is said the clock is taken to show UTC; `nil` for
    /// zones with rules of their own.
    public var microsecondsSince1970: Int? {
        let offset: Int
        switch self.zone {
        case .unknown: offset = 0
        case .offset(let delta): offset = delta.microseconds
        case .rules: return nil
        }
        let (time, days) = (self.time, self.date.daysSince1970)
        let seconds = ((days * 24 + time.hour) * 60 + time.minute) * 60 + time.second
        return seconds * 1_000_000 + time.microsecond - offset
    }

    /// What clocks in UTC show at a moment.
    public init(microsecondsSince1970 moment: Int) {
        let second = 1_000_000
        let days = (Double(moment) / Double(86_400 * second)).rounded(.down)
        var rest = moment - Int(days) * 86_400 * second
        var day = Int(days)
        if rest < 0 { (day, rest) = (day - 1, rest + 86_400 * second) }
        if rest >= 86_400 * second { (day, rest) = (day + 1, rest - 86_400 * second) }
        var time = PythonTime(hour: rest / (3600 * second), minute: rest / (60 * second) % 60)
        time.second = rest / second % 60
        time.microsecond = rest % second
        self.init(PythonDate(daysSince1970: day), time, zone: .utc)
    }
}

extension PythonDate {
    /// Days after 1 January 1970.
    public var daysSince1970: Int { CalendarDay(year: self.year, month: self.month, day: self.day).daysSince1970 }

    /// The day so many days after 1 January 1970, from the year 1 on.
    public init(daysSince1970 days: Int) {
        let date = CalendarDay(daysSince1970: days)
        self.init(year: date.year, month: date.month, day: date.day)
    }
}
