//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// Formats with places like `{levelname:<8}`.
enum BraceFormat {
    static func pieces(of text: String) throws(LogFormat.Fault) -> [LogFormat.Piece] {
        var pieces: [LogFormat.Piece] = []
        var literal = ""
        var rest = text[...]
        while let character = rest.popFirst() {
            guard character == "{" || character == "}" else {
                literal.append(character)
                continue
            }
            if rest.first == character {
                rest = rest.dropFirst()
                literal.append(character)
                continue
            }
            guard character == "{", let end = rest.firstIndex(of: "}") else {
                throw LogFormat.Fault(message: "a lone '\(character)'; a brace is written '\(character)\(character)'")
            }
            pieces.append(.text(literal))
            literal = ""
            pieces.append(try Self.field(rest[..<end]))
            rest = rest[end...].dropFirst()
        }
        pieces.append(.text(literal))
        return pieces.filter { $0 != .text("") }
    }

    private static func field(_ text: Substring) throws(LogFormat.Fault) -> LogFormat.Piece {
        let name = text.prefix { $0 != "!" && $0 != ":" }
        guard !name.isEmpty, !name.allSatisfy(\.isNumber) else {
            throw LogFormat.Fault(message: "'{\(text)}' names no field; write {message}")
        }
        var rest = text.dropFirst(name.count)
        var layout = FieldLayout()
        if rest.first == "!" {
            rest = rest.dropFirst()
            guard let kind = rest.popFirst(), "sra".contains(kind) else {
                throw LogFormat.Fault(message: "'{\(text)}': behind '!' stands s, r or a")
            }
            layout.kind = kind
        }
        if rest.first == ":" {
            rest = rest.dropFirst()
            try Self.read(&rest, into: &layout)
        }
        guard rest.isEmpty else { throw LogFormat.Fault(message: "'\(rest)' in '{\(text)}' means nothing here") }
        if let kind = layout.kind { try LogFormat.check(String(name), kind) }
        return .field(String(name), layout, written: "{\(text)}")
    }

    private static func read(_ rest: inout Substring, into layout: inout FieldLayout) throws(LogFormat.Fault) {
        if let second = rest.dropFirst().first, let alignment = Self.alignment(second) {
            layout.fill = rest.removeFirst()
            rest = rest.dropFirst()
            layout.alignment = alignment
        } else if let first = rest.first, let alignment = Self.alignment(first) {
            rest = rest.dropFirst()
            layout.alignment = alignment
        }
        if let sign = rest.first, "+- ".contains(sign) {
            rest = rest.dropFirst()
            if sign != "-" { layout.sign = sign }
        }
        if rest.first == "0" {
            layout.fill = "0"
            layout.alignment = .right
        }
        layout.width = try LogFormat.number(&rest) ?? 0
        if rest.first == "." {
            rest = rest.dropFirst()
            layout.precision = try LogFormat.number(&rest) ?? 0
        }
        if let kind = rest.first, FieldLayout.kinds.contains(kind) {
            rest = rest.dropFirst()
            layout.kind = kind
        }
    }

    private static func alignment(_ character: Character) -> FieldLayout.Alignment? {
        switch character {
        case "<": .left
        case ">": .right
        case "^": .center
        default: nil
        }
    }
}
