//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// When a log file begins anew, and what becomes of the old ones, as in Python's rotating handlers.
struct LogRotation: Equatable, Sendable {
    enum Rule: Equatable, Sendable {
        /// Before the file would get this long, in bytes. Old files are `NAME.1`, the youngest, and so on.
        case size(Int)
        /// After a time. Old files are called after its beginning: `NAME.2026-01-31`.
        case time(Interval, count: Int)
    }

    enum Interval: Equatable, Sendable {
        case second, minute, hour, day
        case midnight
        /// Midnight at the end of a day of the week, 0 for Monday.
        case weekday(Int)

        /// What `when` says.
        init?(_ text: String) {
            switch text.uppercased() {
            case "S": self = .second
            case "M": self = .minute
            case "H": self = .hour
            case "D": self = .day
            case "MIDNIGHT": self = .midnight
            case let text where text.count == 2 && text.hasPrefix("W"):
                guard let day = text.last?.wholeNumberValue, day <= 6 else { return nil }
                self = .weekday(day)
            default: return nil
            }
        }

        /// What stands behind the name of an old file, for `strftime`.
        var suffix: String {
            switch self {
            case .second: "%Y-%m-%d_%H-%M-%S"
            case .minute: "%Y-%m-%d_%H-%M"
            case .hour: "%Y-%m-%d_%H"
            case .day, .midnight, .weekday: "%Y-%m-%d"
            }
        }

        var seconds: Int {
            switch self {
            case .second: 1
            case .minute: 60
            case .hour: 3600
            case .day, .midnight: 86_400
            case .weekday: 604_800
            }
        }
    }

    var rule: Rule
    /// How many old files are kept; at least one.
    var oldFiles: Int

    /// When a file that was last written at a time ends; `nil` where time does not matter. Seconds since 1970.
    func end(after time: Double) -> Double? {
        guard case .time(let interval, let count) = self.rule else { return nil }
        let length = Double(interval.seconds * count)
        let local = LocalTime(time)
        // The local day may be an hour longer or shorter than others; the end is at midnight all the same.
        func midnight(inDays days: Int) -> Double {
            let guess = time.rounded(.down) + Double(days * 86_400 - local.secondOfDay)
            return guess + Double(local.offset - LocalTime(guess).offset)
        }
        switch interval {
        case .second, .minute, .hour, .day: return time.rounded(.down) + length
        case .midnight: return midnight(inDays: count)
        case .weekday(let day):
            let days = (day - local.weekday + 7) % 7
            return midnight(inDays: days + 1 + 7 * (count - 1))
        }
    }

    /// The name of the old file, for a period that ends at a time.
    func oldName(of path: String, periodEnding end: Double) -> String {
        guard case .time(let interval, let count) = self.rule else { return path + ".1" }
        return path + "." + LocalTime(end - Double(interval.seconds * count)).formatted(interval.suffix)
    }

    /// Whether a name, without the path in front of it, is that of an old file of a time.
    func isOld(suffix: Substring) -> Bool {
        guard case .time(let interval, _) = self.rule else { return false }
        let pattern = LocalTime(0).formatted(interval.suffix)
        return suffix.count == pattern.count
            && zip(suffix, pattern).allSatisfy { $1.isNumber ? $0.isASCII && $0.isNumber : $0 == $1 }
    }
}
