//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

extension Datatype where Value == Int {
    /// A decimal integer.
    public static var integer: Datatype<Int> {
        Datatype("an integer") { text throws(Fault) in
            guard let number = Number.integer(text) else { throw Fault() }
            return number
        }
    }

    /// The number of a port, 0 to 65535.
    public static var portNumber: Datatype<Int> {
        Datatype("a port from 0 to 65535") { text throws(Fault) in
            guard let number = Number.integer(text), (0...65535).contains(number) else { throw Fault() }
            return number
        }
    }

    /// A number of bytes, perhaps with the suffix KB, MB or GB for powers of 1024.
    public static var byteSize: Datatype<Int> {
        Datatype("a size in bytes, or with KB, MB or GB behind it") { text throws(Fault) in
            guard let size = Number.scaled(text, ["kb": 1 << 10, "mb": 1 << 20, "gb": 1 << 30]) else { throw Fault() }
            return size
        }
    }
}

extension Datatype where Value == Double {
    /// A number with or without a fraction.
    public static var float: Datatype<Double> {
        Datatype("a number") { text throws(Fault) in
            guard let number = Number.float(text) else { throw Fault() }
            return number
        }
    }
}

extension Datatype where Value == Duration {
    /// A whole number of seconds, or of what a suffix says: `s`, `m`, `h`, `d`, `w`.
    public static var timeInterval: Datatype<Duration> {
        Datatype("a time in seconds, or with s, m, h, d or w behind it") { text throws(Fault) in
            let units = ["s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800]
            guard let seconds = Number.scaled(text, units) else { throw Fault() }
            return .seconds(seconds)
        }
    }

    /// The sum of numbers with units and white space between them: `4w 2d 7h 12m 0.5s`. Of equal units the last counts.
    public static var timedelta: Datatype<Duration> {
        Datatype("times such as '4w 2d 7h 12m 0.5s'") { text throws(Fault) in
            let units: [Character: Double] = ["s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800]
            var parts: [Character: Double] = [:]
            for part in text.split(whereSeparator: \.isWhitespace) {
                guard let suffix = part.last, let unit = units[suffix], let number = Number.float(part.dropLast())
                else {
                    throw Fault("'\(part)' is no number with s, m, h, d or w behind it")
                }
                parts[suffix] = number * unit
            }
            let seconds = parts.values.sorted().reduce(0, +)
            // 32,000 years, more than Python's timedelta holds.
            guard seconds.magnitude < 1e12 else { throw Fault() }
            return .seconds(seconds)
        }
    }

    /// A number of milliseconds.
    public static var milliseconds: Datatype<Duration> {
        Datatype<Int>.integer.map("a time in milliseconds") { Duration.milliseconds($0) }
    }

    /// A number of seconds with or without a fraction.
    public static var seconds: Datatype<Duration> {
        Datatype<Double>.float.map("a time in seconds") { $0.magnitude < 1e12 ? Duration.seconds($0) : nil }
    }
}

/// Numbers as Python reads them.
enum Number {
    static func integer(_ text: some StringProtocol) -> Int? {
        self.digits(text).flatMap { Int($0) }
    }

    static func float(_ text: some StringProtocol) -> Double? {
        // Swift alone reads hexadecimal floats.
        guard let digits = self.digits(text), !digits.contains(where: { $0 == "x" || $0 == "X" }) else { return nil }
        return Double(digits)
    }

    /// An integer with a suffix that multiplies it. All suffixes are in lower case.
    static func scaled(_ text: String, _ suffixes: [String: Int]) -> Int? {
        let text = text.lowercased()
        guard let (suffix, scale) = suffixes.first(where: { text.hasSuffix($0.key) }) else { return self.integer(text) }
        guard let number = self.integer(text.dropLast(suffix.count)) else { return nil }
        let (product, overflow) = number.multipliedReportingOverflow(by: scale)
        return overflow ? nil : product
    }

    /// The text without white space around it and without underscores between digits.
    private static func digits(_ text: some StringProtocol) -> String? {
        var digits = ""
        let words = text.split(whereSeparator: \.isWhitespace)
        guard words.count == 1 else { return nil }
        var last: Character = "_"
        for character in words[0] {
            guard character.isASCII else { return nil }
            if character == "_" {
                guard last.isNumber else { return nil }
            } else {
                if last == "_", !digits.isEmpty, !character.isNumber { return nil }
                digits.append(character)
            }
            last = character
        }
        return last == "_" ? nil : digits
    }
}
