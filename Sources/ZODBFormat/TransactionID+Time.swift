//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

extension TransactionID {
    /// The lower four bytes count this part of a second.
    private static let step = 60.0 / 4_294_967_296

    /// The seconds since 1970 at the beginning of 1900, and at the end of the last year that fits.
    private static let representable = -2_208_988_800.0..<250_000_000_000.0

    /// The calendar time that the identifier spells.
    public var time: TransactionTime {
        let minutes = Int(self.rawValue >> 32)
        let days = minutes / TransactionTime.minutesPerDay
        return TransactionTime(
            year: days / 372 + 1900,
            month: days % 372 / 31 + 1,
            day: days % 31 + 1,
            hour: minutes / 60 % 24,
            minute: minutes % 60,
            second: Double(self.rawValue & 0xffff_ffff) * Self.step
        )
    }

    /// The identifier of a calendar time, cut to the step of 14 ns that it can hold; `nil` for a day that the calendar
    /// does not have and for years outside 1900 to 9916.
    public init?(_ time: TransactionTime) {
        guard (1900...9916).contains(time.year), time.isInCalendar, (0..<24).contains(time.hour),
            (0..<60).contains(time.minute), time.second >= 0, time.second < 60
        else { return nil }
        self.init(valid: time)
    }

    private init(valid time: TransactionTime) {
        let days = ((time.year - 1900) * 12 + time.month - 1) * 31 + time.day - 1
        let minutes = days * TransactionTime.minutesPerDay + time.hour * 60 + time.minute
        self.init(rawValue: UInt64(minutes) << 32 | UInt64(time.second / Self.step))
    }

    /// The identifier of a moment in seconds since 1970 (UTC), bit for bit as ZODB computes it from Python's
    /// `time.time()`. A moment that no identifier can hold gives the first or the last one that has a time.
    public init(secondsSince1970: Double) {
        guard secondsSince1970 >= Self.representable.lowerBound else {
            self = .zero
            return
        }
        let seconds = Swift.min(secondsSince1970, Self.representable.upperBound.nextDown)
        let whole = seconds.rounded(.down)
        let minutes = Int((whole / 60).rounded(.down))
        // As Python's `%`: of the sign of the divisor, and exact where the moment is after 1970.
        var second = seconds.truncatingRemainder(dividingBy: 60)
        if second < 0 { second += 60 }
        var time = TransactionTime(minutesSince1970: minutes)
        time.second = Swift.min(second, 60.0.nextDown)
        self.init(valid: time)
    }

    /// The identifier of a moment as the time since 1970 (UTC), with the full precision that an identifier has.
    public init(timeSince1970: Duration) {
        let (seconds, attoseconds) = timeSince1970.components
        guard Self.representable.contains(Double(seconds)), seconds >= 0 else {
            self.init(secondsSince1970: Double(seconds))
            return
        }
        var time = TransactionTime(minutesSince1970: Int(seconds / 60))
        time.second = Swift.min(Double(seconds % 60) + Double(attoseconds) / 1e18, 60.0.nextDown)
        self.init(valid: time)
    }

    /// The moment in seconds since 1970 (UTC), bit for bit as Python's `TimeStamp.timeTime()`: to about half a
    /// microsecond.
    public var secondsSince1970: Double {
        let time = self.time
        // Python counts from 1901 first, and so loses the same bits.
        let minutes = (time.daysSince1970 + 25_202) * TransactionTime.minutesPerDay + time.hour * 60 + time.minute
        return Double(minutes * 60) + time.second - 25_202 * 86_400
    }

    /// The moment as ZODB prints it: `2026-11-22 14:34:42.123456`, in UTC.
    public var timeDescription: String {
        let time = self.time
        // Rounded to even, as C prints it; the product is exact.
        let (quotient, remainder) = ((self.rawValue & 0xffff_ffff) * 60_000_000).quotientAndRemainder(
            dividingBy: 4_294_967_296
        )
        let half: UInt64 = 2_147_483_648
        let microseconds = quotient + (remainder > half || remainder == half && quotient % 2 == 1 ? 1 : 0)
        func padded(_ number: some BinaryInteger, _ width: Int) -> String {
            let digits = String(number)
            return String(repeating: "0", count: Swift.max(0, width - digits.count)) + digits
        }
        return padded(time.year, 4) + "-" + padded(time.month, 2) + "-" + padded(time.day, 2) + " "
            + padded(time.hour, 2) + ":" + padded(time.minute, 2) + ":"
            + padded(microseconds / 1_000_000, 2) + "." + padded(microseconds % 1_000_000, 6)
    }

    /// This identifier if it is later than `other`, else the next one after `other`, as Python's `TimeStamp.laterThan`:
    /// one that names a day of the calendar if `other` does.
    public func later(than other: TransactionID) -> TransactionID {
        if self > other { return self }
        guard other.rawValue & 0xffff_ffff == 0xffff_ffff else { return other.successor }
        let time = other.time
        guard time.isInCalendar else { return other.successor }
        let minutes = time.daysSince1970 * TransactionTime.minutesPerDay + time.hour * 60 + time.minute
        return TransactionID(TransactionTime(minutesSince1970: minutes + 1)) ?? other.successor
    }
}
