//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

/// A value of JSON, for showing.
indirect enum JSONText: Equatable {
    case null
    case bool(Bool)
    /// As it was written.
    case number(String)
    case string(String)
    case array([JSONText])
    case object([String: JSONText])

    /// Nil where `text` is not one JSON value, or one nested deeper than anybody would.
    init?(parsing text: String) {
        var parser = Parser(rest: Array(text.unicodeScalars)[...])
        guard let value = parser.value(depth: 0) else { return nil }
        parser.skipSpace()
        guard parser.rest.isEmpty else { return nil }
        self = value
    }

    /// As Python 2's `repr` writes it: `u'text'`, `True`, `None`.
    var pythonText: String {
        switch self {
        case .null: return "None"
        case .bool(let value): return value ? "True" : "False"
        case .number(let digits): return digits
        case .string(let text): return "u" + Self.quoted(text)
        case .array(let values): return "[" + values.map(\.pythonText).joined(separator: ", ") + "]"
        case .object(let values):
            let parts = values.sorted { $0.key < $1.key }.map { "u" + Self.quoted($0.key) + ": " + $0.value.pythonText }
            return "{" + parts.joined(separator: ", ") + "}"
        }
    }

    private static func quoted(_ text: String) -> String {
        let quote: Unicode.Scalar = text.contains("'") && !text.contains("\"") ? "\"" : "'"
        var result = String(quote)
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case quote: result += "\\\(quote)"
            case " "..."~": result.unicodeScalars.append(scalar)
            default:
                let digits = String(scalar.value, radix: 16)
                let (letter, width) = scalar.value < 0x100 ? ("x", 2) : scalar.value < 0x10000 ? ("u", 4) : ("U", 8)
                result += "\\\(letter)" + String(repeating: "0", count: width - digits.count) + digits
            }
        }
        return result + String(quote)
    }

    private struct Parser {
        var rest: ArraySlice<Unicode.Scalar>

        mutating func skipSpace() {
            while let first = self.rest.first, " \t\r\n".unicodeScalars.contains(first) { self.rest.removeFirst() }
        }

        private mutating func skip(_ text: String) -> Bool {
            guard self.rest.starts(with: text.unicodeScalars) else { return false }
            self.rest.removeFirst(text.unicodeScalars.count)
            return true
        }

        mutating func value(depth: Int) -> JSONText? {
            guard depth < 64 else { return nil }
            self.skipSpace()
            switch self.rest.first {
            case "{": return self.object(depth: depth)
            case "[": return self.array(depth: depth)
            case "\"": return self.string().map { .string($0) }
            case "t": return self.skip("true") ? .bool(true) : nil
            case "f": return self.skip("false") ? .bool(false) : nil
            case "n": return self.skip("null") ? .null : nil
            default:
                let digits = self.rest.prefix { "+-.0123456789eE".unicodeScalars.contains($0) }
                self.rest.removeFirst(digits.count)
                let text = String(String.UnicodeScalarView(digits))
                return Double(text) == nil ? nil : .number(text)
            }
        }

        private mutating func array(depth: Int) -> JSONText? {
            self.rest.removeFirst()
            var values: [JSONText] = []
            self.skipSpace()
            if self.skip("]") { return .array([]) }
            while true {
                guard let value = self.value(depth: depth + 1) else { return nil }
                values.append(value)
                self.skipSpace()
                if self.skip("]") { return .array(values) }
                guard self.skip(",") else { return nil }
            }
        }

        private mutating func object(depth: Int) -> JSONText? {
            self.rest.removeFirst()
            var values: [String: JSONText] = [:]
            self.skipSpace()
            if self.skip("}") { return .object([:]) }
            while true {
                self.skipSpace()
                guard self.rest.first == "\"", let key = self.string() else { return nil }
                self.skipSpace()
                guard self.skip(":"), let value = self.value(depth: depth + 1) else { return nil }
                values[key] = value
                self.skipSpace()
                if self.skip("}") { return .object(values) }
                guard self.skip(",") else { return nil }
            }
        }

        private mutating func string() -> String? {
            self.rest.removeFirst()
            // UTF-16, since escapes write half a character at a time.
            var units: [UInt16] = []
            while let scalar = self.rest.popFirst() {
                switch scalar {
                case "\"": return String(decoding: units, as: UTF16.self)
                case "\\":
                    guard let unit = self.escape() else { return nil }
                    units.append(unit)
                default: units += Array(String(scalar).utf16)
                }
            }
            return nil
        }

        private mutating func escape() -> UInt16? {
            switch self.rest.popFirst() {
            case "b": return 8
            case "f": return 12
            case "n": return 10
            case "r": return 13
            case "t": return 9
            case "u":
                let digits = String(String.UnicodeScalarView(self.rest.prefix(4)))
                self.rest = self.rest.dropFirst(4)
                return digits.unicodeScalars.count == 4 ? UInt16(digits, radix: 16) : nil
            case let scalar? where "\"\\/".unicodeScalars.contains(scalar): return UInt16(scalar.value)
            default: return nil
            }
        }
    }
}
