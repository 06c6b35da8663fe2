//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// A day of the Gregorian calendar, before and behind its introduction.
package struct CalendarDay {
    package var year: Int
    package var month: Int
    package var day: Int

    /// The days from 1 March of the year 0 to 1 January 1970.
    static let daysBefore1970 = 719_468

    package init(year: Int, month: Int, day: Int) {
        self.year = year
        self.month = month
        self.day = day
    }

    /// Days after 1 January 1970. Days that the calendar does not have run on into the next month.
    package var daysSince1970: Int {
        // Years begin in March here, so that the leap day is their last one.
        let year = self.month > 2 ? self.year : self.year - 1
        let month = self.month > 2 ? self.month - 3 : self.month + 9
        return year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + self.day - 1
            - Self.daysBefore1970
    }

    /// The day so many days after 1 January 1970, from the year 1 on.
    package init(daysSince1970 days: Int) {
        let (era, dayOfEra) = (days + Self.daysBefore1970).quotientAndRemainder(dividingBy: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100)
        let month = (dayOfYear * 5 + 2) / 153
        self.year = era * 400 + yearOfEra + (month > 9 ? 1 : 0)
        self.month = month > 9 ? month - 9 : month + 3
        self.day = dayOfYear - (month * 153 + 2) / 5 + 1
    }
}
