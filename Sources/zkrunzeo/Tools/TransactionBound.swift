//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ZODBFormat

/// An end of a range of transactions, as it is given on the command line: a tid, or a time in UTC.
struct TransactionBound: ExpressibleByArgument, Hashable {
    /// The first tid that is meant.
    var first: TransactionID
    /// The last tid that is meant: that of the end of the day, minute or second that was given.
    var last: TransactionID

    /// Reads `0x` and up to 16 hexadecimal digits, or `YYYY-MM-DD[ HH:MM[:SS[.FRACTION]]]` with a space or a `T` in
    /// the middle and perhaps a `Z` behind it.
    init?(argument: String) {
        if argument.hasPrefix("0x") {
            let digits = argument.dropFirst(2)
            guard !digits.isEmpty, digits.count <= 16, let number = UInt64(digits, radix: 16), !digits.hasPrefix("+")
            else { return nil }
            self.init(first: TransactionID(rawValue: number), last: TransactionID(rawValue: number))
            return
        }
        let text = argument.hasSuffix("Z") ? argument.dropLast() : argument[...]
        let parts = text.split(maxSplits: 1, omittingEmptySubsequences: false) { $0 == " " || $0 == "T" }
        let date = parts[0].split(separator: "-", omittingEmptySubsequences: false).map { Self.number($0) }
        guard date.count == 3, let year = date[0], let month = date[1], let day = date[2] else { return nil }
        var time = TransactionTime(year: year, month: month, day: day)
        var end = TransactionTime(year: year, month: month, day: day, hour: 23, minute: 59, second: 60.0.nextDown)
        if parts.count == 2 {
            let clock = parts[1].split(separator: ":", omittingEmptySubsequences: false)
            guard (2...3).contains(clock.count), let hour = Self.number(clock[0]), let minute = Self.number(clock[1])
            else { return nil }
            (time.hour, time.minute, end.hour, end.minute) = (hour, minute, hour, minute)
            if clock.count == 3 {
                guard clock[2].first?.isNumber == true, let second = Double(clock[2]), (0..<60).contains(second) else {
                    return nil
                }
                time.second = second
                end.second = clock[2].contains(".") ? second : (second + 1).nextDown
            }
        }
        guard let first = TransactionID(time), let last = TransactionID(end) else { return nil }
        self.init(first: first, last: last)
    }

    private init(first: TransactionID, last: TransactionID) {
        self.first = first
        self.last = last
    }

    private static func number(_ text: Substring) -> Int? {
        text.isEmpty || !text.allSatisfy { ("0"..."9").contains($0) } ? nil : Int(text)
    }
}
