//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// Formats with places like `%(levelname)-8s`.
enum PercentFormat {
    static func pieces(of text: String) throws(LogFormat.Fault) -> [LogFormat.Piece] {
        var pieces: [LogFormat.Piece] = []
        var rest = text[...]
        while let percent = rest.firstIndex(of: "%") {
            pieces.append(.text(String(rest[..<percent])))
            rest = rest[percent...].dropFirst()
            if rest.first == "%" {
                pieces.append(.text("%"))
                rest = rest.dropFirst()
            } else {
                pieces.append(try Self.field(&rest))
            }
        }
        pieces.append(.text(String(rest)))
        return pieces.filter { $0 != .text("") }
    }

    private static func field(_ rest: inout Substring) throws(LogFormat.Fault) -> LogFormat.Piece {
        guard rest.first == "(", let end = rest.firstIndex(of: ")") else {
            throw LogFormat.Fault(message: "a '%' needs a field behind it, as in %(message)s; a percent sign is '%%'")
        }
        let name = String(rest[..<end].dropFirst())
        rest = rest[end...].dropFirst()
        var layout = FieldLayout(alignment: .right)
        while let flag = rest.first, "-0+ #".contains(flag) {
            switch flag {
            case "-": layout.alignment = .left
            case "0": if layout.alignment != .left { layout.fill = "0" }
            case "+", " ": layout.sign = flag
            default: break
            }
            rest = rest.dropFirst()
        }
        layout.width = try LogFormat.number(&rest) ?? 0
        if rest.first == "." {
            rest = rest.dropFirst()
            layout.precision = try LogFormat.number(&rest) ?? 0
        }
        guard let kind = rest.first, FieldLayout.kinds.contains(kind) else {
            throw LogFormat.Fault(message: "'%(\(name))' needs a kind behind it: s for text, d for a whole number, f")
        }
        rest = rest.dropFirst()
        layout.kind = kind
        // Zeros are for numbers alone.
        if "sra".contains(kind) { layout.fill = " " }
        try LogFormat.check(name, kind)
        return .field(name, layout, written: "%(\(name))\(kind)")
    }
}

extension LogFormat {
    /// The digits at the beginning of a text, which may be none.
    static func number(_ rest: inout Substring) throws(Fault) -> Int? {
        let digits = rest.prefix { $0.isASCII && $0.isNumber }
        rest = rest.dropFirst(digits.count)
        if digits.isEmpty { return nil }
        guard let number = Int(digits), number <= 1000 else {
            throw Fault(message: "no field can be \(digits) characters wide")
        }
        return number
    }

    /// Refuses numbers where the field is text.
    static func check(_ name: String, _ kind: Character) throws(Fault) {
        let numbers: Set<String> = [
            "levelno", "lineno", "created", "msecs", "relativeCreated", "thread", "process",
        ]
        guard LogRecord.fields.contains(name), !numbers.contains(name), !"sra".contains(kind) else { return }
        throw Fault(message: "'\(name)' is text and cannot be written as '\(kind)'; write s")
    }
}
