//
// Part of zkzeo: ZODB storage servers that are found through ZooKeeper.
// Licensed under the Apache License, Version 2.0; see LICENSE.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import ZKZEOAsync

/// Values as Python writes them, for output that tools know from Python.
enum PythonText {
    /// A text as Python 3's `repr` writes it.
    static func repr(_ text: String) -> String {
        self.quoted(text) { scalar in
            switch scalar.properties.generalCategory {
            case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator:
                false
            case .spaceSeparator: scalar == " "
            default: true
            }
        }
    }

    /// A list of texts as Python 3's `repr` writes it.
    static func repr(_ list: [String]) -> String { "[\(list.map { self.repr($0) }.joined(separator: ", "))]" }

    /// A number as Python writes it.
    static func number(_ number: Double) -> String {
        if number.isNaN { return "nan" }
        if number.isInfinite { return number < 0 ? "-inf" : "inf" }
        // Python changes to exponents at 1e16, Swift a little later.
        guard number.magnitude >= 1e16, number.magnitude < 0x1p54 else { return "\(number)" }
        let digits = String(Int(number.magnitude))
        let fraction = String(digits.dropFirst()).replacing(/0+$/, with: "")
        return (number < 0 ? "-" : "") + "\(digits.prefix(1))\(fraction.isEmpty ? "" : ".")\(fraction)e+16"
    }

    /// A value as Python 2's `repr` writes what `json.loads` makes of it: the form in which zc.zk prints properties.
    static func python2(_ value: JSONValue) -> String {
        switch value {
        case .null: "None"
        case .bool(let truth): truth ? "True" : "False"
        case .integer(let number): String(number)
        case .double(let number): self.number(number)
        case .string(let text): "u" + self.quoted(text) { $0.isASCII && $0.value >= 0x20 && $0.value != 0x7f }
        case .array(let values): "[\(values.map(self.python2).joined(separator: ", "))]"
        case .object(let values):
            "{"
                + values.sorted { $0.key < $1.key }.map {
                    "\(self.python2(.string($0.key))): \(self.python2($0.value))"
                }
                .joined(separator: ", ") + "}"
        }
    }

    private static func quoted(_ text: String, isPlain: (Unicode.Scalar) -> Bool) -> String {
        let mark: Unicode.Scalar =
            text.unicodeScalars.contains("'") && !text.unicodeScalars.contains("\"") ? "\"" : "'"
        var result = String.UnicodeScalarView([mark])
        for scalar in text.unicodeScalars {
            switch scalar {
            case mark, "\\":
                result.append("\\")
                result.append(scalar)
            case "\n": result.append(contentsOf: "\\n".unicodeScalars)
            case "\r": result.append(contentsOf: "\\r".unicodeScalars)
            case "\t": result.append(contentsOf: "\\t".unicodeScalars)
            case _ where isPlain(scalar): result.append(scalar)
            default: result.append(contentsOf: self.escape(scalar).unicodeScalars)
            }
        }
        result.append(mark)
        return String(result)
    }

    private static func escape(_ scalar: Unicode.Scalar) -> String {
        let digits = String(scalar.value, radix: 16)
        let (letter, width) = scalar.value < 0x100 ? ("x", 2) : scalar.value < 0x10000 ? ("u", 4) : ("U", 8)
        return "\\" + letter + String(repeating: "0", count: width - digits.count) + digits
    }
}
