//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// How a field is written: its kind, width and precision, as in Python's `%-8.3s` and `{:<8}`.
struct FieldLayout: Equatable, Sendable {
    enum Alignment: Sendable {
        case left, right, center
        /// By the value: numbers right, words left.
        case natural
    }

    /// `s`, `r`, `d`, `f`, `x` and the like; `nil` for the value's own.
    var kind: Character?
    var alignment = Alignment.natural
    var fill: Character = " "
    var sign: Character?
    var width = 0
    var precision: Int?

    static let kinds: Set<Character> = ["s", "r", "a", "d", "i", "u", "f", "F", "e", "E", "g", "G", "x", "X", "o"]

    /// The value as it is to be written.
    func text(_ value: LogRecord.Value) -> String {
        var (text, isNumber) = self.bare(value)
        if isNumber, let sign = self.sign, !text.hasPrefix("-") { text = String(sign) + text }
        let missing = self.width - text.count
        guard missing > 0 else { return text }
        let fill = String(repeating: self.fill, count: missing)
        switch self.alignment {
        case .left: return text + fill
        case .center:
            let left = String(repeating: self.fill, count: missing / 2)
            return left + text + fill.dropFirst(missing / 2)
        case .right where self.fill == "0" && text.hasPrefix("-"): return "-" + fill + text.dropFirst()
        case .right: return fill + text
        case .natural: return isNumber ? fill + text : text + fill
        }
    }

    private func bare(_ value: LogRecord.Value) -> (String, isNumber: Bool) {
        switch (self.kind, value) {
        case ("d", .integer(let number)), ("i", .integer(let number)), ("u", .integer(let number)):
            return (String(number), true)
        case ("d", .real(let number)), ("i", .real(let number)), ("u", .real(let number)):
            return (String(Int(number)), true)
        case ("x", .integer(let number)): return (String(number, radix: 16), true)
        case ("X", .integer(let number)): return (String(number, radix: 16, uppercase: true), true)
        case ("o", .integer(let number)): return (String(number, radix: 8), true)
        case (let kind?, .integer(let number)) where "fFeEgG".contains(kind):
            return (self.real(Double(number), kind), true)
        case (let kind?, .real(let number)) where "fFeEgG".contains(kind): return (self.real(number, kind), true)
        case (nil, .integer(let number)): return (String(number), true)
        case (nil, .real(let number)): return (self.precision.map { _ in self.real(number, "g") } ?? "\(number)", true)
        case (_, .text(let text)): return (self.cut(self.kind == "r" || self.kind == "a" ? "'\(text)'" : text), false)
        case (_, .integer(let number)): return (self.cut(String(number)), false)
        case (_, .real(let number)): return (self.cut("\(number)"), false)
        }
    }

    private func real(_ number: Double, _ kind: Character) -> String {
        String(format: "%.\(self.precision ?? 6)\(kind)", number)
    }

    private func cut(_ text: String) -> String {
        self.precision.map { String(text.prefix($0)) } ?? text
    }
}
